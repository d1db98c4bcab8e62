-- announce.lua: says that a weir lives.
return 0
