# vragent_add_floor(name [UNITS ...] [PRIVATE_UNITS ...] [HEADERS ...] [DEPS ...] [PRIVATE_DEPS ...] [TORCH])
#
# The only way to add a folder. NAME is the folder below src/ (a nested folder keeps its slash:
# simulator/agents) and becomes the static library vragent::<name with _>.
#   UNITS          header in include/vragent/NAME, source in src/NAME
#   PRIVATE_UNITS  header and source in src/NAME only
#   HEADERS        header without a source
#   DEPS           targets that the headers show; PRIVATE_DEPS those only the sources see
#   TORCH          the folder includes torch: link it and share the precompiled header
function(vragent_add_floor name)
  cmake_parse_arguments(arg "TORCH" "" "UNITS;PRIVATE_UNITS;HEADERS;DEPS;PRIVATE_DEPS" ${ARGN})
  string(REPLACE "/" "_" target ${name})
  set(library vragent_${target})
  set(sources "")
  foreach(unit IN LISTS arg_UNITS arg_PRIVATE_UNITS)
    list(APPEND sources ${PROJECT_SOURCE_DIR}/src/${name}/${unit}.cpp)
  endforeach()
  if(sources)
    add_library(${library} STATIC ${sources})
    set(scope PUBLIC)
  else()
    add_library(${library} INTERFACE)
    set(scope INTERFACE)
  endif()
  add_library(vragent::${target} ALIAS ${library})

  set(headers "")
  foreach(unit IN LISTS arg_UNITS arg_HEADERS)
    list(APPEND headers ${PROJECT_SOURCE_DIR}/include/vragent/${name}/${unit}.h)
  endforeach()
  target_sources(${library} ${scope} FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/include FILES ${headers})
  target_link_libraries(${library} ${scope} ${arg_DEPS})
  target_compile_features(${library} ${scope} cxx_std_20)  # headers use it: the header check compiles them alone
  if(sources)
    target_link_libraries(${library} PRIVATE vragent_build ${arg_PRIVATE_DEPS})
    target_include_directories(${library} PRIVATE ${PROJECT_SOURCE_DIR}/src)
    set_target_properties(${library} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON)
  endif()
  if(arg_TORCH)
    target_link_libraries(${library} ${scope} vragent_torch)
    if(sources)
      vragent_use_torch_pch(${library})
    endif()
  endif()
endfunction()

# All targets that include torch reuse one precompiled header, built once by vragent_torch_pch.
function(vragent_use_torch_pch target)
  target_precompile_headers(${target} REUSE_FROM vragent_torch_pch)
endfunction()

# Sources of loops over rows, which stand without torch: vector instructions may re-associate their sums.
function(vragent_row_kernels)
  set_source_files_properties(${ARGN} PROPERTIES SKIP_PRECOMPILE_HEADERS ON COMPILE_OPTIONS
    "-O3;-fassociative-math;-fno-signed-zeros;-fno-trapping-math;-fno-math-errno;-freciprocal-math;-Wno-psabi")
endfunction()

# vragent_add_tests(name TESTS unit... [DEPS ...] [SUPPORT] [TORCH]): one test executable a folder, from tests/NAME/<unit>_test.cpp.
function(vragent_add_tests name)
  cmake_parse_arguments(arg "TORCH" "LABEL" "TESTS;DEPS" ${ARGN})
  if(NOT arg_LABEL)
    set(arg_LABEL unit)
  endif()
  string(REPLACE "/" "_" target ${name})
  set(sources "")
  foreach(test IN LISTS arg_TESTS)
    list(APPEND sources ${PROJECT_SOURCE_DIR}/tests/${name}/${test}_test.cpp)
  endforeach()
  add_executable(${target}_test ${sources})
  target_link_libraries(${target}_test PRIVATE vragent_build ${arg_DEPS} GTest::gmock GTest::gtest_main)
  target_include_directories(${target}_test PRIVATE ${PROJECT_SOURCE_DIR}/tests ${PROJECT_SOURCE_DIR}/src)
  if(arg_TORCH)
    vragent_use_torch_pch(${target}_test)
  endif()
  # Listing tests loads libtorch, which takes longer than the default 5 s where a build has just pushed it out of the page cache.
  gtest_discover_tests(${target}_test
    DISCOVERY_MODE PRE_TEST
    DISCOVERY_TIMEOUT 120
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
    PROPERTIES LABELS ${arg_LABEL} ENVIRONMENT "OMP_NUM_THREADS=1" TIMEOUT 300)
endfunction()
