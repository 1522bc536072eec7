# One INTERFACE target carries what every target of ours is built with: C++20, warnings, sanitizers.
option(VRAGENT_WERROR "Warnings are errors (on in CI)" OFF)
set(VRAGENT_SANITIZE "" CACHE STRING "Sanitizers, as given to -fsanitize (for example address,undefined)")

add_library(vragent_build INTERFACE)
target_compile_features(vragent_build INTERFACE cxx_std_20)
target_compile_options(vragent_build INTERFACE -Wall -Wextra -Wpedantic -Wshadow
  -Wno-missing-field-initializers)  # designated initialisers leave defaults out on purpose
if(VRAGENT_WERROR)
  target_compile_options(vragent_build INTERFACE -Werror)
endif()
if(VRAGENT_SANITIZE)
  target_compile_options(vragent_build INTERFACE -fsanitize=${VRAGENT_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(vragent_build INTERFACE -fsanitize=${VRAGENT_SANITIZE})
endif()
