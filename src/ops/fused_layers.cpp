// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/ops/fused_layers.h"

#include <algorithm>

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include "ops/kernels/cpu_kernels.h"

namespace vragent::ops {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

constexpr std::int64_t kGrain = 1 << 14;  ///< elements worth a thread of their own

bool has_kernels(const Tensor& x) {
  return x.is_cpu() && (x.scalar_type() == torch::kFloat32 || x.scalar_type() == torch::kBFloat16);
}

/// Runs task(T{}) with the kernels' element type of x.
template <class Task>
void with_element_type(const Tensor& x, Task task) {
  if (x.scalar_type() == torch::kFloat32) {
    task(float{});
  } else {
    task(cpu::Bf16{});
  }
}

/// Whether these are the inputs of a kernel whose gradient keeps them.
bool are_kept(const Tensor& x, const Tensor& other) {
  return torch::GradMode::is_enabled() && has_kernels(x) && x.scalar_type() == other.scalar_type();
}

template <class T>
T* data(const Tensor& x) {
  return static_cast<T*>(x.mutable_data_ptr());
}

template <class Task>
void run_rows(const Task& task, std::int64_t rows, std::int64_t width) {
  at::parallel_for(0, rows, std::max<std::int64_t>(1, kGrain / width), [&](auto begin, auto end) {
    cpu::run(task, begin, end);
  });
}

struct NormedRows {
  Tensor y;
  Tensor scale;  ///< float32 [rows]
};

/// x contiguous.
NormedRows norm_rows(const Tensor& x, const Tensor& weight, double eps) {
  const std::int64_t width = x.size(-1);
  const std::int64_t rows = x.numel() / width;
  NormedRows result{torch::empty_like(x), torch::empty({rows}, x.options().dtype(torch::kFloat32))};
  with_element_type(x, [&](auto zero) {
    using T = decltype(zero);
    run_rows(cpu::RmsNorm<T>{data<T>(x),
                             data<T>(weight),
                             data<T>(result.y),
                             data<float>(result.scale),
                             width,
                             static_cast<float>(eps)},
             rows,
             width);
  });
  return result;
}

struct RmsNormFunction : torch::autograd::Function<RmsNormFunction> {
  static Tensor forward(AutogradContext* context,
                        const Tensor& x,
                        const Tensor& weight,
                        double eps) {
    const NormedRows normed = norm_rows(x, weight, eps);
    context->save_for_backward({x, weight, normed.scale});
    return normed.y;
  }

  static tensor_list backward(AutogradContext* context, const tensor_list& gradients) {
    const auto saved = context->get_saved_variables();
    const Tensor& x = saved[0];
    const Tensor& weight = saved[1];
    const Tensor grad = gradients[0].contiguous();
    const std::int64_t width = x.size(-1);
    const std::int64_t rows = x.numel() / width;
    // Each share of the rows sums into a row of its own, and those are added in order: the result
    // depends on the number of threads, not on their timing.
    const std::int64_t shares = std::clamp<std::int64_t>(
        rows * width / kGrain, 1, static_cast<std::int64_t>(at::get_num_threads()));
    const Tensor partial = torch::zeros({shares, width}, x.options().dtype(torch::kFloat32));
    Tensor dx = torch::empty_like(x);
    with_element_type(x, [&](auto zero) {
      using T = decltype(zero);
      at::parallel_for(0, shares, 1, [&](auto first, auto last) {
        for (auto share = first; share < last; ++share) {
          cpu::run(cpu::RmsNormBackward<T>{data<T>(grad),
                                           data<T>(x),
                                           data<T>(weight),
                                           data<float>(saved[2]),
                                           data<T>(dx),
                                           data<float>(partial) + share * width,
                                           width},
                   rows * share / shares,
                   rows * (share + 1) / shares);
        }
      });
    });
    return {dx, partial.sum(0).to(weight.scalar_type()), Tensor()};
  }
};

Tensor rotate_rows(const Tensor& x, const Rotary& table, bool transposed) {
  Tensor y = torch::empty(x.sizes(), x.options());
  with_element_type(x, [&](auto zero) {
    using T = decltype(zero);
    run_rows(cpu::Rotate<T>{data<T>(x),
                            data<T>(table.cos),
                            data<T>(table.sin),
                            data<T>(y),
                            x.size(1),
                            x.size(2),
                            x.stride(0),
                            transposed},
             x.size(0),
             x.size(1) * x.size(2));
  });
  return y;
}

struct RotateFunction : torch::autograd::Function<RotateFunction> {
  static Tensor forward(AutogradContext* context,
                        const Tensor& x,
                        const Tensor& cosines,
                        const Tensor& sines) {
    context->save_for_backward({cosines, sines});
    return rotate_rows(x, {cosines, sines}, /*transposed=*/false);
  }

  static tensor_list backward(AutogradContext* context, const tensor_list& gradients) {
    const auto saved = context->get_saved_variables();
    return {rotate_rows(gradients[0].contiguous(), {saved[0], saved[1]}, /*transposed=*/true),
            Tensor(),
            Tensor()};
  }
};

/// gate and up [rows, width], rows `stride` elements apart -> [rows, width]
Tensor swiglu_rows(const Tensor& gate, const Tensor& up, std::int64_t stride) {
  Tensor y = torch::empty(gate.sizes(), gate.options());
  const std::int64_t width = gate.size(-1);
  with_element_type(gate, [&](auto zero) {
    using T = decltype(zero);
    run_rows(cpu::SwiGlu<T>{data<T>(gate), data<T>(up), data<T>(y), width, stride},
             gate.numel() / width,
             width);
  });
  return y;
}

struct SwiGluFunction : torch::autograd::Function<SwiGluFunction> {
  static Tensor forward(AutogradContext* context, const Tensor& gate, const Tensor& up) {
    context->save_for_backward({gate, up});
    return swiglu_rows(gate, up, gate.size(-1));
  }

  static tensor_list backward(AutogradContext* context, const tensor_list& gradients) {
    const auto saved = context->get_saved_variables();
    const Tensor& gate = saved[0];
    const Tensor& up = saved[1];
    const Tensor grad = gradients[0].contiguous();
    Tensor d_gate = torch::empty_like(gate);
    Tensor d_up = torch::empty_like(up);
    with_element_type(gate, [&](auto zero) {
      using T = decltype(zero);
      run_rows(
          cpu::SwiGluBackward<T>{
              data<T>(grad), data<T>(gate), data<T>(up), data<T>(d_gate), data<T>(d_up)},
          gate.numel(),
          1);
    });
    return {d_gate, d_up};
  }
};

}  // namespace

Tensor rms_norm_plain(const Tensor& x, const Tensor& weight, double eps) {
  const Tensor wide = x.to(x.scalar_type() == torch::kFloat64 ? torch::kFloat64 : torch::kFloat32);
  const Tensor scale = torch::rsqrt(wide.square().mean(-1, /*keepdim=*/true) + eps);
  return weight * (wide * scale).to(x.scalar_type());
}

Tensor rms_norm(const Tensor& x, const Tensor& weight, double eps) {
  TORCH_CHECK(weight.dim() == 1 && x.dim() >= 1 && x.size(-1) == weight.size(0),
              "rms_norm: x ",
              x.sizes(),
              ", weight ",
              weight.sizes());
  if (!has_kernels(x) || weight.scalar_type() != x.scalar_type())
    return rms_norm_plain(x, weight, eps);
  if (!torch::GradMode::is_enabled()) return norm_rows(x.contiguous(), weight.contiguous(), eps).y;
  return RmsNormFunction::apply(x.contiguous(), weight.contiguous(), eps);
}

Remade remade_rms_norm(const Tensor& x, const Tensor& weight, double eps) {
  if (!are_kept(x, weight)) return {.value = rms_norm(x, weight, eps)};
  const Tensor rows = x.contiguous();
  return {.value = rms_norm(rows, weight, eps),
          .kept = {rows, weight.contiguous()},
          .make = [eps](const std::vector<Tensor>& kept) {
            return norm_rows(kept[0], kept[1], eps).y;
          }};
}

Tensor rotate_plain(const Tensor& x, const Rotary& table) {
  const auto halves = x.chunk(2, -1);
  return x * table.cos.unsqueeze(1) +
         torch::cat({-halves[1], halves[0]}, -1) * table.sin.unsqueeze(1);
}

Tensor rotate(const Tensor& x, const Rotary& table) {
  TORCH_CHECK(x.dim() == 3 && table.cos.dim() == 2 && table.cos.size(0) == x.size(0) &&
                  table.cos.size(1) == x.size(2) && x.size(2) % 2 == 0,
              "rotate: x ",
              x.sizes(),
              ", table ",
              table.cos.sizes());
  if (!has_kernels(x) || table.cos.scalar_type() != x.scalar_type()) return rotate_plain(x, table);
  const bool is_dense = x.stride(2) == 1 && x.stride(1) == x.size(2);
  const Tensor rows = is_dense ? x : x.contiguous();
  const Rotary plain{table.cos.contiguous(), table.sin.contiguous()};
  if (!torch::GradMode::is_enabled()) return rotate_rows(rows, plain, /*transposed=*/false);
  return RotateFunction::apply(rows, plain.cos, plain.sin);
}

Tensor swiglu_plain(const Tensor& gate, const Tensor& up) {
  return torch::silu(gate) * up;
}

Tensor swiglu(const Tensor& gate, const Tensor& up) {
  TORCH_CHECK(gate.sizes() == up.sizes(), "swiglu: gate ", gate.sizes(), ", up ", up.sizes());
  if (!has_kernels(gate) || up.scalar_type() != gate.scalar_type()) return swiglu_plain(gate, up);
  if (!torch::GradMode::is_enabled())
    return swiglu_rows(gate.contiguous(), up.contiguous(), gate.size(-1));
  return SwiGluFunction::apply(gate.contiguous(), up.contiguous());
}

Remade remade_swiglu(const Tensor& gate, const Tensor& up) {
  if (!are_kept(gate, up)) return {.value = swiglu(gate, up)};
  const Tensor gate_rows = gate.contiguous();
  const Tensor up_rows = up.contiguous();
  return {.value = swiglu(gate_rows, up_rows),
          .kept = {gate_rows, up_rows},
          .make = [](const std::vector<Tensor>& kept) {
            return swiglu_rows(kept[0], kept[1], kept[0].size(-1));
          }};
}

Tensor quick_gelu_plain(const Tensor& x) {
  return x * torch::sigmoid(1.702 * x);
}

Tensor quick_gelu(const Tensor& x) {
  if (!has_kernels(x) || torch::GradMode::is_enabled()) return quick_gelu_plain(x);
  const Tensor from = x.contiguous();
  Tensor y = torch::empty_like(from);
  with_element_type(from, [&](auto zero) {
    using T = decltype(zero);
    run_rows(cpu::QuickGelu<T>{data<T>(from), data<T>(y)}, from.numel(), 1);
  });
  return y;
}

Tensor swiglu_halves(const Tensor& gate_up) {
  const auto halves = gate_up.chunk(2, -1);
  if (!has_kernels(gate_up)) return swiglu_plain(halves[0], halves[1]);
  TORCH_CHECK(gate_up.dim() == 2 && gate_up.is_contiguous() && gate_up.size(1) % 2 == 0,
              "swiglu_halves: ",
              gate_up.sizes());
  return swiglu_rows(halves[0], halves[1], gate_up.size(1));
}

}  // namespace vragent::ops
