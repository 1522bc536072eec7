// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// The library is the one that torch has loaded, found at run time: a program that never sees a GPU
// does not need it. Everything runs on the default stream, which is also torch's, so that NCCL and
// the operators around it keep their order without events.
#include "comm/nccl_communicator.h"

#include <cstdlib>
#include <string>

#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <dlfcn.h>
#include <nccl.h>

#include "vragent/util/error.h"
#include "vragent/util/format.h"
#include "vragent/util/log.h"

namespace vragent::comm {
namespace {

using torch::Tensor;

constexpr const char* kLibrary = "libnccl.so.2";

[[noreturn]] void fail(const std::string& what) {
  throw Error(ExitCode::kUnavailable, "NCCL: " + what);
}

/// A function of a loaded library, as whatever type it is assigned to.
struct Found {
  void* library;
  const char* name;

  template <class Function>
  operator Function*() const {  // NOLINT(google-explicit-constructor)
    void* found = dlsym(library, name);
    if (found == nullptr) fail(formatted("{} lacks {}", kLibrary, name));
    return reinterpret_cast<Function*>(found);
  }
};

void* opened_library() {
  void* library = dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) fail(formatted("cannot load {}: {}", kLibrary, dlerror()));
  return library;
}

struct Library {
  void* handle = opened_library();
  decltype(ncclGetVersion)* version = Found{handle, "ncclGetVersion"};
  decltype(ncclGetUniqueId)* unique_id = Found{handle, "ncclGetUniqueId"};
  decltype(ncclCommInitRank)* init = Found{handle, "ncclCommInitRank"};
  decltype(ncclCommDestroy)* destroy = Found{handle, "ncclCommDestroy"};
  decltype(ncclGetErrorString)* error = Found{handle, "ncclGetErrorString"};
  decltype(ncclAllReduce)* all_reduce = Found{handle, "ncclAllReduce"};
  decltype(ncclReduceScatter)* reduce_scatter = Found{handle, "ncclReduceScatter"};
  decltype(ncclAllGather)* all_gather = Found{handle, "ncclAllGather"};
  decltype(ncclBroadcast)* broadcast = Found{handle, "ncclBroadcast"};
};

ncclDataType_t type_of(const Tensor& values) {
  switch (values.scalar_type()) {
    case torch::kFloat32:
      return ncclFloat32;
    case torch::kFloat64:
      return ncclFloat64;
    case torch::kInt64:
      return ncclInt64;
    default:
      TORCH_CHECK(
          false, "sums over processes want fp32, fp64 or int64, got ", values.scalar_type());
  }
}

std::size_t count_of(const Tensor& values) {
  return static_cast<std::size_t>(values.numel());
}

std::size_t bytes_of(const Tensor& values) {
  return static_cast<std::size_t>(values.numel() * values.element_size());
}

class NcclCommunicator final : public Communicator {
 public:
  NcclCommunicator(const Communicator& processes, int device_index) : processes_(processes) {
    int version = 0;
    check(nccl_.version(&version));
    if (version != NCCL_VERSION_CODE) {
      log::warn("NCCL {} is loaded, {} was compiled against", version, NCCL_VERSION_CODE);
    }
    c10::impl::getDeviceGuardImpl(torch::kCUDA)
        ->setDevice(torch::Device(torch::kCUDA, static_cast<c10::DeviceIndex>(device_index)));
    ncclUniqueId id = {};
    if (processes.rank() == 0) check(nccl_.unique_id(&id));
    processes.broadcast(
        torch::from_blob(&id, {static_cast<std::int64_t>(sizeof(id))}, torch::kUInt8), 0);
    check(nccl_.init(&group_, processes.size(), id, processes.rank()));
  }

  ~NcclCommunicator() override { nccl_.destroy(group_); }

  NcclCommunicator(const NcclCommunicator&) = delete;
  NcclCommunicator& operator=(const NcclCommunicator&) = delete;

  [[nodiscard]] int rank() const override { return processes_.rank(); }

  [[nodiscard]] int size() const override { return processes_.size(); }

  [[nodiscard]] int local_rank() const override { return processes_.local_rank(); }

  [[nodiscard]] int local_size() const override { return processes_.local_size(); }

  void all_reduce(const Tensor& values) const override {
    if (!values.is_cuda()) return processes_.all_reduce(values);
    TORCH_CHECK(values.is_contiguous(), "all_reduce wants contiguous values");
    check(nccl_.all_reduce(values.data_ptr(),
                           values.data_ptr(),
                           count_of(values),
                           type_of(values),
                           ncclSum,
                           group_,
                           nullptr));
  }

  [[nodiscard]] Tensor reduce_scatter(const Tensor& whole) const override {
    if (!whole.is_cuda()) return processes_.reduce_scatter(whole);
    TORCH_CHECK(whole.is_contiguous() && whole.numel() % size() == 0,
                "reduce_scatter: ",
                whole.sizes(),
                " over ",
                size());
    Tensor sums = torch::empty({whole.numel() / size()}, whole.options());
    check(nccl_.reduce_scatter(whole.data_ptr(),
                               sums.data_ptr(),
                               count_of(sums),
                               type_of(whole),
                               ncclSum,
                               group_,
                               nullptr));
    return sums;
  }

  [[nodiscard]] Tensor all_gather(const Tensor& part) const override {
    if (!part.is_cuda()) return processes_.all_gather(part);
    const Tensor own = part.contiguous();
    Tensor all = torch::empty({own.numel() * size()}, own.options());
    check(
        nccl_.all_gather(own.data_ptr(), all.data_ptr(), bytes_of(own), ncclInt8, group_, nullptr));
    return all;
  }

  void broadcast(const Tensor& values, int root) const override {
    if (!values.is_cuda()) return processes_.broadcast(values, root);
    TORCH_CHECK(values.is_contiguous(), "broadcast wants contiguous values");
    check(nccl_.broadcast(
        values.data_ptr(), values.data_ptr(), bytes_of(values), ncclInt8, root, group_, nullptr));
  }

  void barrier() const override { processes_.barrier(); }

  [[noreturn]] void abort(int exit_code) const override {
    processes_.abort(exit_code);
    std::_Exit(exit_code);  // the compiler does not believe it of a virtual call
  }

 private:
  void check(ncclResult_t result) const {
    if (result != ncclSuccess) fail(nccl_.error(result));
  }

  const Communicator& processes_;
  Library nccl_;
  ncclComm_t group_ = nullptr;
};

}  // namespace

std::unique_ptr<Communicator> connect_nccl(const Communicator& processes, int device_index) {
  return std::make_unique<NcclCommunicator>(processes, device_index);
}

}  // namespace vragent::comm
