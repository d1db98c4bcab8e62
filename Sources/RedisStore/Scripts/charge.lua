-- charge.lua: charges checks against their limits.
return 0
