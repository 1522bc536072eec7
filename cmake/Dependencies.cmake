# Every library from outside enters here, as a target. Debian 12 has all but torch, which is the Python
# wheel in .venv or $VRAGENT_VENV (scripts/install_deps.sh puts both there).
find_package(Threads REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(CLI11 REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(ZLIB REQUIRED)
find_package(ICU 72 REQUIRED COMPONENTS uc)
if(VRAGENT_MEDIA)
  find_package(PkgConfig REQUIRED)
  pkg_check_modules(libav REQUIRED IMPORTED_TARGET libavformat libavcodec libavutil libswscale)
  # Debian splits OpenCV: the CMake config comes with the 300-package libopencv-dev, while core, imgproc and
  # imgcodecs are all we use, so they are found by hand.
  add_library(vragent_opencv INTERFACE)
  find_path(VRAGENT_OPENCV_INCLUDE opencv2/core.hpp PATH_SUFFIXES opencv4 REQUIRED)
  target_include_directories(vragent_opencv SYSTEM INTERFACE ${VRAGENT_OPENCV_INCLUDE})
  foreach(part core imgproc imgcodecs)
    find_library(VRAGENT_OPENCV_${part} opencv_${part} REQUIRED)
    target_link_libraries(vragent_opencv INTERFACE ${VRAGENT_OPENCV_${part}})
  endforeach()
endif()

# torch is linked by hand rather than through find_package(Torch): its config wants a CUDA toolkit and
# fails on a machine without one, though the wheel carries all it needs at run time. Only the CPU libraries
# are linked; nn/device loads libtorch_cuda when a CUDA device is asked for, so a CPU run starts faster.
set(VRAGENT_VENV_FOLDER .venv)
if(DEFINED ENV{VRAGENT_VENV})
  set(VRAGENT_VENV_FOLDER $ENV{VRAGENT_VENV})
endif()
get_filename_component(VRAGENT_VENV_FOLDER "${VRAGENT_VENV_FOLDER}" ABSOLUTE BASE_DIR ${PROJECT_SOURCE_DIR})
file(GLOB VRAGENT_TORCH_FOUND ${VRAGENT_VENV_FOLDER}/lib/python3.*/site-packages/torch)
set(VRAGENT_TORCH "${VRAGENT_TORCH_FOUND}" CACHE PATH "The torch folder of the Python wheel")
if(NOT EXISTS ${VRAGENT_TORCH}/include/torch/csrc/api/include/torch/torch.h)
  message(FATAL_ERROR "No torch under '${VRAGENT_TORCH}': run scripts/install_deps.sh, or set VRAGENT_TORCH")
endif()
add_library(vragent_torch INTERFACE)
target_include_directories(vragent_torch SYSTEM INTERFACE
  ${VRAGENT_TORCH}/include ${VRAGENT_TORCH}/include/torch/csrc/api/include)
target_link_directories(vragent_torch INTERFACE ${VRAGENT_TORCH}/lib)
target_link_libraries(vragent_torch INTERFACE torch torch_cpu c10)
# ATen's parallel_for is a template: without OpenMP where it is used, it runs on one thread and says nothing.
target_compile_options(vragent_torch INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fopenmp>)
target_link_options(vragent_torch INTERFACE -fopenmp)
# libtorch.so exports its own, incomplete std::filesystem: calls that bind to it jump to address 0. The system's
# libstdc++ must come first in the order in which symbols are looked up, hence before torch on the link line.
target_link_options(vragent_torch INTERFACE
  "LINKER:-rpath,${VRAGENT_TORCH}/lib" "LINKER:--push-state,--no-as-needed" -lstdc++ -ltorch_cpu -lc10 "LINKER:--pop-state")

# Training in many processes: MPI where it is found, NCCL from the headers of torch's own wheels. NCCL's library is
# loaded at run time, with torch's CUDA library.
enable_language(C)  # FindMPI asks for it; the C++ bindings of MPI are not used
find_package(MPI COMPONENTS C QUIET)
option(VRAGENT_MPI "Train in many processes (mpirun, srun); on where MPI is found" ${MPI_C_FOUND})
if(VRAGENT_MPI AND NOT MPI_C_FOUND)
  message(FATAL_ERROR "VRAGENT_MPI is on, but there is no MPI: install libopenmpi-dev (scripts/install_deps.sh)")
endif()
file(GLOB VRAGENT_NCCL_FOUND ${VRAGENT_TORCH}/../nvidia/nccl/include)
file(GLOB VRAGENT_CUDA_FOUND  # of the wheels of CUDA 13, and of CUDA 12
  ${VRAGENT_TORCH}/../nvidia/cu[0-9]*/include ${VRAGENT_TORCH}/../nvidia/cuda_runtime/include)
if(VRAGENT_CUDA_FOUND)
  list(GET VRAGENT_CUDA_FOUND 0 VRAGENT_CUDA_FOUND)
endif()
set(VRAGENT_NCCL_INCLUDE "${VRAGENT_NCCL_FOUND};${VRAGENT_CUDA_FOUND}" CACHE STRING "Folders of nccl.h and cuda_runtime.h")
set(VRAGENT_NCCL_DEFAULT OFF)
if(VRAGENT_NCCL_FOUND AND VRAGENT_CUDA_FOUND)
  set(VRAGENT_NCCL_DEFAULT ON)
endif()
option(VRAGENT_NCCL "GPUs of many processes speak NCCL; on where its header is found" ${VRAGENT_NCCL_DEFAULT})
