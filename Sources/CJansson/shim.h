// Lets Swift see jansson. Header-only, no logic.
#pragma once
#include <jansson.h>
