// Lets Swift see the protocol half of hiredis: the command formatter and the reply reader (0.14 and 1.x).
#pragma once
#include <hiredis/hiredis.h>
#include <hiredis/read.h>
