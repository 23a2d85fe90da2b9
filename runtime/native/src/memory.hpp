// Memory that loading freed, given back to the system.
#pragma once

#include <cstddef>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace bitfit {

// glibc keeps what was freed: two thirds of the process for an int4 base.
inline void trim_memory() {
#if defined(__GLIBC__)
  malloc_trim(0);
#endif
}

}  // namespace bitfit
