// Lets Swift see libuv. Header-only, no logic.
#pragma once
#include <uv.h>
