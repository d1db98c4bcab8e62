// Lets Swift see libyaml.
#pragma once
#include <yaml.h>
