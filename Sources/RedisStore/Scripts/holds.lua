-- holds.lua: counters of one key as they lie in a cluster, and what is held of them. Stands behind algorithms.lua and in
-- front of hold.lua and settle.lua.
--
-- KEYS[1]  "weir:{D}", a hash: field "domain:policy:aXXXXXXXX": a cell; "holds"; "marks"; "m" and a token: a
--          mark; "log", empty: there are logs beside it
-- KEYS[2…] "weir:{D}:" and a name like these fields': sliding logs
-- ARGV[1]  one record of 19 bytes a charge, as charge.lua says
-- ARGV[2]  what the script in hand wants a check
-- ARGV[3…] the field of each charge; of a log, what stands behind the colon of its key
--
-- holds    entries, big-endian: token of the check (8), its end (7), amount (4), length of the counter's name (1), the
--          name. A hold counts as spent for everybody while now is before its end. One that ends later than any hold may
--          was made before the clock stepped back (another node serves the slot): it is void.
-- a mark   tells what a confirmation has spent, so that it can be taken back until shortly after the hold's end: that
--          end and GRACE (7), then for each counter: kind (1), limit (4), amount (4), the cell that it became (23; of a
--          log only the instant of the entry counts), length of its name (1), the name
-- marks    end (7) and token (8) of the marks, oldest first
--
-- One key holds all that a check needs, so that a call is served by one node even while the slot is on its way to
-- another; a call with logs waits then until their lists are there. The hash is never empty while a call writes: it
-- would be missed. Fields of policies that are gone stay as long as the hash is charged.

local HOLD, MARK, QUEUED = '>c8I7I4Bc0', '>BI4I4I4I6I7I6Bc0', '>I7c8'
-- Bounds.hold and Bounds.cancelling in microseconds, Bounds.holds, Bounds.marks.
local LONGEST_HOLD, GRACE, HOLDS, MARKS = 10000000, 100000, 4096, 16384
-- A limit that denies nothing.
local ANY = 2 ^ 40
-- What fits into a cell's units.
local MOST = 4294967295

local hash, pcall, sub = KEYS[1], redis.pcall, string.sub
local records = ARGV[1]

-- By counter's name: its state as of now in this call (false: none, nil: not read); what is to be done about it at the
-- end, as in charge.lua; what is held of it. The names that were read, in order.
local states, lives, held, names = {}, {}, {}, {}
-- Something else lies where the hash should.
local is_foreign = false
-- Of the hash, besides the cells: fields and values to set, fields to delete, how long it must be kept.
local fields, gone, hash_life = {}, {}, 0
local read_log, sliding_log, write_log

-- Reads fields of the hash: their values, or a table of false where there is none.
local function read_fields(list)
  if is_foreign then return {} end
  if #list > 1000 then
    local values = {}
    for first = 1, #list, 1000 do
      local part = read_fields({ unpack(list, first, min(first + 999, #list)) })
      for index = 1, #part do values[first + index - 1] = part[index] end
    end
    return values
  end
  local values = pcall('HMGET', hash, unpack(list))
  if values.err then
    if not string.find(values.err, 'WRONGTYPE', 1, true) then error(values.err) end
    is_foreign, values = true, {}
  end
  return values
end

-- Reads the cells of all fields that stand in ARGV, and `more`, whose values it returns.
local function read_cells(more)
  local list, count, others = more, #more, #more
  for index = 3, #ARGV do
    local name = ARGV[index]
    if states[name] == nil then
      count = count + 1
      list[count], names[count - others], states[name] = name, name, false
    end
  end
  local values = read_fields(list)
  for index = others + 1, count do
    local cell = values[index]
    if cell and #cell == 23 then states[list[index]] = cell end
  end
  return values
end

-- Makes the first charge of a log know it. To be called before a state of kind 3 is used.
local logs
local function open_log(name)
  if not logs then
    logs = {}
    read_log, sliding_log, write_log = make_log_functions()
  end
  if logs[name] == nil then
    logs[name] = true
    states[name] = read_log(hash .. ':' .. name)
  end
end

-- Asks an algorithm; what it says is told in algorithms.lua. `most` is the most that may be spent.
local function decide(kind, state, limit, most, period, cost, name)
  if kind == 0 then return token_bucket(state, limit, most, period, cost) end
  if kind == 1 then return fixed_window(state, most, period, cost) end
  if kind == 2 then return sliding_window(state, most, period, cost) end
  return sliding_log(state, most, period, cost, hash .. ':' .. name)
end

-- The state once `amount` is spent, whatever the limit, and how long to keep it.
local function spend(kind, state, limit, period, amount, name)
  amount = min(amount, MOST - (kind ~= 3 and state and unpack_bytes('>I4', state) or 0))
  if amount <= 0 then return state, life(0) end
  local _, _, spent, life_left = decide(kind, state, limit, ANY, period, amount, name)
  return spent, life_left
end

-- Calls `take` with each hold that is in force: token, end, amount, name and the entry itself. Returns whether there are
-- others, and entries that are none.
local function visit_holds(text, take)
  local offset, length, has_rest = 1, #text, false
  while offset <= length do
    local size = length - offset >= 19 and 20 + string.byte(text, offset + 19) or length + 1
    if offset + size - 1 > length then return true end
    local token, ends, amount, name = unpack_bytes(HOLD, text, offset)
    if now < ends and ends - now <= LONGEST_HOLD then
      take(token, ends, amount, name, sub(text, offset, offset + size - 1))
    else
      has_rest = true
    end
    offset = offset + size
  end
  return has_rest
end

local function set_field(name, value)
  fields[#fields + 1] = name
  fields[#fields + 1] = value
end

-- Keeps the list `key` for so many milliseconds, at least.
local function keep(key, milliseconds)
  if call('PTTL', key) < milliseconds - MARGIN / 2 then call('PEXPIRE', key, milliseconds) end
end

local function finish_log(name)
  local life_left, key, state = lives[name], hash .. ':' .. name, states[name]
  if life_left < 0 then
    keep(key, -life_left)
  elseif state then
    write_log(key, state)
    if state.added > 0 then call('PEXPIRE', key, life_left) end
    -- Where a log is, the hash is too: a call names both, and a slot on its way serves no call with a key missing.
    set_field('log', '')
    hash_life = max(hash_life, life_left)
  else
    call('DEL', key)
  end
end

-- Writes what has changed. What adds stands first, so that a full Redis refuses it whole.
local function finish()
  for index = 1, #names do
    local name = names[index]
    local life_left = lives[name]
    if life_left then
      if logs and logs[name] then
        finish_log(name)
      else
        if life_left == 0 then
          gone[#gone + 1] = name
        elseif life_left > 0 then
          set_field(name, states[name])
        end
        hash_life = max(hash_life, life_left, -life_left)
      end
    end
  end
  if is_foreign and #fields > 0 then call('DEL', hash) end
  for first = 1, #fields, 1000 do call('HSET', hash, unpack(fields, first, min(first + 999, #fields))) end
  if not is_foreign then
    for first = 1, #gone, 1000 do call('HDEL', hash, unpack(gone, first, min(first + 999, #gone))) end
  end
  if hash_life > 0 then keep(hash, hash_life) end
end

