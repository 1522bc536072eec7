// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
#include "vragent/plan/training_plan.h"

#include <algorithm>
#include <cmath>

#include "vragent/models/causal_lm.h"
#include "vragent/util/format.h"

namespace vragent::plan {
namespace {

constexpr double kGiB = 1024.0 * 1024 * 1024;
constexpr double kLogitChunk = 1024;       // tokens whose logits are worked on at one time
constexpr double kKeptLogits = 256 << 20;  // bytes of them that wait for the backward pass at most
constexpr double kLogitBytes = 12;         // logits, their log softmax and a product, in fp32

double as_double(std::int64_t number) {
  return static_cast<double>(number);
}

bool trains_adapter(const TrainingRun& run) {
  return run.lora.rank > 0;
}

/// Parameters that learn.
double learning_parameters(const TrainingRun& run) {
  return trains_adapter(run)
             ? as_double(adapter_parameters(run.model, run.lora.rank, run.lora.target_modules))
             : as_double(num_parameters(run.model));
}

/// Bytes of a weight, and of a gradient (adapters are fp32).
double weight_bytes(const TrainingRun& run) {
  return run.bf16 ? 2 : 4;
}

double gradient_bytes(const TrainingRun& run) {
  return run.bf16 && !trains_adapter(run) ? 2 : 4;
}

double shared(const TrainingRun& run, std::int64_t from_stage) {
  return run.ranks > 1 && run.zero >= from_stage ? as_double(run.ranks) : 1;
}

/// Prompts and answers of a rank that are decoded together.
struct Rows {
  double prompts = 0;
  double answers = 0;
};

Rows rows_of(const TrainingRun& run) {
  const double prompts = std::max(1.0, as_double(run.prompts) / as_double(run.ranks));
  return {prompts, prompts * as_double(run.group)};
}

/// What of them is decoded together: at least one prompt's group.
Rows sampled_at_once(const TrainingRun& run) {
  const Rows all = rows_of(run);
  const double group = as_double(run.group);
  const double answers = std::max(group, std::min(all.answers, as_double(run.sample_rows)));
  return {std::min(all.prompts, std::ceil(answers / group)), answers};
}

/// FLOPs of attention, forward: each token with as many earlier ones.
double attention_flops(const TrainingRun& run, double tokens, double earlier) {
  const models::CausalLmConfig& text = run.model.text;
  return 4 * tokens * earlier * as_double(text.num_heads * text.head_dim * text.num_layers);
}

/// FLOPs of a rank's layers, forward over everything it learns from, each prompt once.
double layer_flops(const TrainingRun& run) {
  const double layers = 2 * as_double(layer_matrices(run.model));
  if (run.prompts == 0) return run.prompt_tokens / as_double(run.ranks) * layers;
  const Rows rows = rows_of(run);
  const double asked = rows.prompts * run.prompt_tokens;
  const double answered = rows.answers * run.answer_tokens;
  return (asked + answered) * layers + attention_flops(run, asked, run.prompt_tokens / 2) +
         attention_flops(run, answered, run.prompt_tokens + run.answer_tokens / 2);
}

/// The same of its layers and its head, which only answers pass.
double forward_flops(const TrainingRun& run) {
  const double answered = run.prompts == 0 ? run.answer_tokens / as_double(run.ranks)
                                           : rows_of(run).answers * run.answer_tokens;
  return layer_flops(run) + answered * 2 * as_double(head_matrix(run.model));
}

/// Bytes of activations that wait for the backward pass. A layer that is computed again has all of
/// its own, one at a time.
double activation_bytes(const TrainingRun& run) {
  const models::CausalLmConfig& text = run.model.text;
  const std::int64_t saved =
      saved_elements(run.model, /*makes_again=*/run.makes_again && !trains_adapter(run));
  const std::int64_t elements =
      run.recomputes ? text.num_layers * text.hidden_size + saved : text.num_layers * saved;
  return as_double(run.micro_tokens * elements) * weight_bytes(run);
}

/// Bytes of the packed copies of InferenceCopies: matrices of the layers, and of a small head.
double copy_bytes(const TrainingRun& run) {
  if (!run.copies || trains_adapter(run)) return 0;
  const double head = as_double(head_matrix(run.model)) * weight_bytes(run);
  const bool is_small = head <= static_cast<double>(models::kLargestHeadCopy);
  return as_double(layer_matrices(run.model)) * weight_bytes(run) + (is_small ? head : 0);
}

/// One token for every row, every step: weights and keys are read, or the products are the limit.
double decode_seconds(const TrainingRun& run, const Hardware& hardware) {
  const Rows rows = rows_of(run);
  const double matrices = as_double(layer_matrices(run.model) + head_matrix(run.model));
  const double waves = std::max(1.0, rows.answers / sampled_at_once(run).answers);
  const double at_once = rows.answers / waves;
  const double products = std::max(matrices * weight_bytes(run) / hardware.bandwidth,
                                   2 * matrices * at_once / hardware.flops);
  const double keys = (rows.prompts / waves * run.prompt_tokens + at_once * run.answer_tokens / 2) *
                      as_double(kv_elements(run.model)) * weight_bytes(run) / hardware.bandwidth;
  return waves * run.answer_tokens * (products + keys);
}

std::string gib(double bytes) {
  return bytes == 0 ? "" : formatted("{:.2f}", bytes / kGiB);
}

std::string title_of(const TrainingRun& run, const Hardware& hardware) {
  std::string title = formatted("{}: {:.3f} billion parameters in {}",
                                run.model.name,
                                as_double(num_parameters(run.model)) / 1e9,
                                run.bf16 ? "bfloat16" : "float32");
  if (trains_adapter(run))
    title += formatted(
        ", an adapter of rank {} ({:.1f} million)", run.lora.rank, learning_parameters(run) / 1e6);
  title += formatted(", {} x {}", run.ranks, hardware.name);
  return run.ranks > 1 ? title + formatted(", ZeRO-{}", run.zero) : title;
}

Table memory_table(const TrainingRun& run, const Hardware& hardware) {
  const bool samples = run.prompts > 0;
  Table table{.title = "Memory of a rank, GiB", .columns = {"what"}};
  if (samples) table.columns.push_back("sampling");
  table.columns.insert(table.columns.end(), {"learning", "updating"});
  const auto add = [&](const std::string& name, double sampling, double learning, double updating) {
    std::vector<std::string> row = {name};
    if (samples) row.push_back(gib(sampling));
    row.insert(row.end(), {gib(learning), gib(updating)});
    table.rows.push_back(std::move(row));
  };
  const std::vector<MemoryLine> lines = memory_of(run);
  MemoryLine sum;
  for (const MemoryLine& line : lines) {
    add(line.name, line.sampling, line.learning, line.updating);
    sum.sampling += line.sampling;
    sum.learning += line.learning;
    sum.updating += line.updating;
  }
  add("sum", sum.sampling, sum.learning, sum.updating);
  table.notes.push_back(title_of(run, hardware));
  if (hardware.memory > 0) {
    const double left = hardware.memory - peak_of(lines);
    table.notes.push_back(formatted("{} has {:.1f} GiB: {}",
                                    hardware.name,
                                    hardware.memory / kGiB,
                                    left >= 0 ? formatted("it fits, {:.1f} are left", left / kGiB)
                                              : formatted("{:.1f} are missing", -left / kGiB)));
  }
  table.notes.push_back(formatted("largest forward and backward: {} tokens", run.micro_tokens));
  return table;
}

Table time_table(const TrainingRun& run, const Hardware& hardware) {
  Table table{.title = "A step of a rank", .columns = {"stage", "seconds", "sends GB"}};
  double seconds = 0;
  double sent = 0;
  for (const TimeLine& line : time_of(run, hardware)) {
    table.rows.push_back({line.name,
                          formatted("{:.3f}", line.seconds),
                          line.sent > 0 ? formatted("{:.2f}", line.sent / 1e9) : ""});
    seconds += line.seconds;
    sent += line.sent;
  }
  table.rows.push_back(
      {"sum", formatted("{:.3f}", seconds), sent > 0 ? formatted("{:.2f}", sent / 1e9) : ""});
  table.notes.push_back(
      formatted("reckoned with {:.2f} TFLOP/s, {:.1f} GB/s of memory{}",
                hardware.flops / 1e12,
                hardware.bandwidth / 1e9,
                run.ranks > 1 ? formatted(", {:.1f} GB/s between ranks", hardware.link / 1e9)
                              : std::string()));
  if (run.ranks > 1 && hardware.link == 0)
    table.notes.push_back("traffic takes no time here: --plan.link is not known");
  if (run.prompts > 0)
    table.notes.push_back(formatted("{} prompts of {:.0f} tokens, {} answers of {:.0f} each",
                                    run.prompts,
                                    run.prompt_tokens,
                                    run.group,
                                    run.answer_tokens));
  if (run.updates > 1)
    table.notes.push_back(formatted(
        "{} updates of the weights, passes over the answers: {}", run.updates, run.passes));
  return table;
}

}  // namespace

std::vector<MemoryLine> memory_of(const TrainingRun& run) {
  const double weights = as_double(num_parameters(run.model)) * weight_bytes(run);
  const double adapters = trains_adapter(run) ? learning_parameters(run) * 4 : 0;
  const double learning = learning_parameters(run);
  const double gradients = learning * gradient_bytes(run) / shared(run, 2);
  const bool sums = run.several_parts && gradient_bytes(run) < 4;
  // One process alone has the lower halves of masters; the upper ones are the weights.
  const double masters = gradient_bytes(run) == 4 ? 0 : run.ranks > 1 ? 4 : 2;
  const double states = learning * (masters + 8) / shared(run, 1);
  const double copy = run.reference && !trains_adapter(run) ? weights : 0;
  std::vector<MemoryLine> lines = {
      {"weights", weights + adapters, weights + adapters, weights + adapters}};
  if (copy > 0) lines.push_back({"reference policy", copy, copy, copy});
  lines.push_back(
      {run.bf16 && !trains_adapter(run) ? "masters and moments (fp32)" : "moments (fp32)",
       states,
       states,
       states});
  lines.push_back({"gradients", 0, gradients, sums ? 0 : gradients});
  if (sums) {
    const double fp32 = learning * 4 / shared(run, 2);
    lines.push_back({"their sums over micro-batches (fp32)", 0, fp32, fp32});
  }
  lines.push_back({"activations", 0, activation_bytes(run), 0});
  const double chunk = std::min(kLogitChunk, as_double(run.micro_targets));
  const double head_gradient = trains_adapter(run) ? 0 : as_double(head_matrix(run.model)) * 4;
  const double vocabulary = as_double(run.model.text.vocab_size);
  const double kept =
      std::min(kKeptLogits, as_double(run.micro_targets) * vocabulary * weight_bytes(run));
  lines.push_back(
      {"logits, head's gradient", 0, chunk * vocabulary * kLogitBytes + kept + head_gradient, 0});
  if (const double bytes = copy_bytes(run); bytes > 0)
    lines.push_back({"packed copies of the weights", bytes, 0, 0});
  if (run.prompts > 0) {
    const Rows rows = sampled_at_once(run);
    const double tokens =
        rows.prompts * as_double(run.max_prompt) + rows.answers * as_double(run.max_answer);
    lines.push_back(
        {"keys and values", tokens * as_double(kv_elements(run.model)) * weight_bytes(run), 0, 0});
  }
  return lines;
}

bool packs_copies(const nn::RuntimeConfig& runtime, const PlanConfig& config) {
  return config.card == "this" && runtime.device == "cpu" && runtime.dtype == "bfloat16" &&
         ops::multiplies_bf16();
}

bool makes_inputs_again(const nn::RuntimeConfig& runtime, const PlanConfig& config) {
  return config.card == "this" && runtime.device == "cpu";
}

double peak_of(const std::vector<MemoryLine>& lines) {
  MemoryLine sum;
  for (const MemoryLine& line : lines) {
    sum.sampling += line.sampling;
    sum.learning += line.learning;
    sum.updating += line.updating;
  }
  return std::max({sum.sampling, sum.learning, sum.updating});
}

std::vector<TimeLine> time_of(const TrainingRun& run, const Hardware& hardware) {
  std::vector<TimeLine> lines;
  const double updates = as_double(run.updates);
  const double forward = forward_flops(run) / hardware.flops;
  if (run.prompts > 0) {
    const double asked = rows_of(run).prompts * run.prompt_tokens;
    const double prefill = asked * 2 * as_double(layer_matrices(run.model)) +
                           attention_flops(run, asked, run.prompt_tokens / 2);
    lines.push_back({"prompts", prefill / hardware.flops});
    lines.push_back({"answers", decode_seconds(run, hardware)});
    if (run.updates > 1) lines.push_back({"old log-probabilities", forward});
  }
  if (run.reference) lines.push_back({"reference log-probabilities", forward});
  // Backward is twice the forward, without gradients of the base's weights once.
  const double again = run.recomputes ? layer_flops(run) / hardware.flops : 0;
  lines.push_back({"forward and backward",
                   (forward * (trains_adapter(run) ? 2 : 3) + again) * as_double(run.passes)});
  const double learning = learning_parameters(run);
  const double touched = gradient_bytes(run) < 4 ? 30 : 28;  // read and written
  lines.push_back({"update", learning / shared(run, 1) * touched / hardware.bandwidth * updates});
  if (run.ranks > 1) {
    const double share = (as_double(run.ranks) - 1) / as_double(run.ranks);
    const double summed = run.several_parts ? 4 : gradient_bytes(run);
    const double told = trains_adapter(run) ? 4 : weight_bytes(run);
    const auto add = [&](const char* name, double bytes) {
      const double sent = share * learning * bytes * updates;
      lines.push_back({name, hardware.link > 0 ? sent / hardware.link : 0, sent});
    };
    add("gradients, reduce-scatter", summed);
    add(run.zero > 0 ? "weights, all-gather" : "gradients, all-gather",
        run.zero > 0 ? told : summed);
  }
  return lines;
}

std::vector<Table> plan_tables(const TrainingRun& run, const Hardware& hardware) {
  return {memory_table(run, hardware), time_table(run, hardware)};
}

std::string memory_line(const TrainingRun& run) {
  const std::vector<MemoryLine> lines = memory_of(run);
  std::string text = formatted("memory GiB peak={:.2f}", peak_of(lines) / kGiB);
  for (const MemoryLine& line : lines)
    text += formatted(
        ", {} {:.2f}", line.name, std::max({line.sampling, line.learning, line.updating}) / kGiB);
  return text;
}

}  // namespace vragent::plan
