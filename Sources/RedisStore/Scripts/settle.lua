-- settle.lua: confirms what was held, or takes it back, where counters lie as in a cluster (holds.lua says how).
--
-- ARGV[1]  the records of all charges of the checks that held, as charge.lua's; of kind only the algorithm counts
-- ARGV[2]  for each check: token (8), 1 confirm or 2 cancel (1), how many charges (2)
-- returns  one byte a check: 1 done, 0 there is no such hold. Confirmed twice is confirmed once, and answers 1.
--
-- To confirm is to spend what was held, whatever the limit says by then: nobody was allowed what was held. To cancel is
-- to forget the hold or, once it is confirmed, to take back what was spent, as far as time has not already given it
-- back (as Limiting's giveBack): nobody gets more so than if the check had never been.

local texts = read_cells({ 'holds', 'marks' })
-- The holds in force, in order (false: settled); of each token, where they are.
local live, by_token, live_count = {}, {}, 0
local has_changed = false
if texts[1] then
  has_changed = visit_holds(texts[1], function(token, ends, amount, name, entry)
    live_count = live_count + 1
    live[live_count] = { ends = ends, amount = amount, name = name, entry = entry }
    local places = by_token[token]
    if not places then
      places = {}
      by_token[token] = places
    end
    places[#places + 1] = live_count
  end)
end

-- Forgets the holds of a token.
local function settle(token, places)
  for index = 1, #places do live[places[index]] = false end
  by_token[token], has_changed = nil, true
end

-- The marks that this call has looked for, by token (false: none, or taken away); the new ones' ends and tokens.
local marks, queue, is_new = {}, {}, {}

-- The mark of a token while it counts, else false.
local function mark_of(token)
  local mark = marks[token]
  if mark == nil then
    mark = read_fields({ 'm' .. token })[1] or false
    if mark and #mark < 7 then mark = false end
    if mark then
      local ends = unpack_bytes('>I7', mark)
      if now >= ends or ends - now > LONGEST_HOLD + GRACE then mark = false end
    end
    marks[token] = mark
  end
  return mark
end

local function read_cell(name)
  if states[name] == nil then
    local cell = read_fields({ name })[1]
    states[name] = cell and #cell == 23 and cell or false
    names[#names + 1] = name
  end
  return states[name]
end

local function confirm(token, numbers)
  local places = by_token[token]
  if not places then return mark_of(token) and '\1' or '\0' end
  local parts = {}
  for index = 1, #places do
    local hold = live[places[index]]
    local name = hold.name
    local kind, limit, period = unpack(numbers[name] or {})
    local state, life_left
    if kind == 3 then open_log(name) end
    if kind then state, life_left = spend(kind, states[name], limit, period, hold.amount, name) end
    if state then
      states[name], lives[name] = state, life_left
      local units, second, instant, its_period = 0, 0, 0, period
      if kind == 3 then
        instant = state.newest
      else
        units, second, instant, its_period = unpack_bytes(CELL, state)
      end
      parts[#parts + 1] =
        pack(MARK, kind, limit, hold.amount, units, second, instant, its_period, #name, name)
    end
  end
  local ends = live[places[1]].ends + GRACE
  marks[token] = pack('>I7', ends) .. table.concat(parts)
  queue[#queue + 1], is_new[token] = pack(QUEUED, ends, token), true
  hash_life = max(hash_life, life(ends - now))
  settle(token, places)
  return '\1'
end

-- Takes `amount` out of the entries of a log made at `instant`, the newest first, and out of the sums behind them.
local function take_from_log(name, instant, amount)
  open_log(name)
  if lives[name] then finish_log(name) end
  logs[name], lives[name] = nil, nil
  local key = hash .. ':' .. name
  -- From the end: entries not before `instant`, what each loses, and how many there are.
  local entries, losses, count, is_over = {}, {}, 0, false
  while not is_over do
    local part = pcall('LRANGE', key, -count - 100, -count - 1)
    if part.err then return end
    for place = #part, 1, -1 do
      local its_instant, total, cost = match(part[place], '^(%d+):(%d+):(%d+)$')
      if not cost or tonumber(its_instant) < instant then
        is_over = true
        break
      end
      count = count + 1
      entries[count] = { its_instant, tonumber(total), tonumber(cost) }
      if tonumber(its_instant) == instant then
        losses[count] = min(amount, entries[count][3])
        amount = amount - losses[count]
      end
    end
    if #part < 100 then is_over = true end
  end
  local lost, is_torn = 0, false
  for place = count, 1, -1 do
    local entry, loss = entries[place], losses[place] or 0
    lost = lost + loss
    if lost > 0 then
      local cost = entry[3] - loss
      is_torn = is_torn or cost == 0
      call('LSET', key, -place, cost == 0 and '' or format('%s:%.0f:%.0f', entry[1], entry[2] - lost, cost))
    end
  end
  if is_torn then call('LREM', key, 0, '') end
end

-- How much of what a bucket owed is still owed: units and a remainder.
local function still_owed(limit, units, rest, instant, period)
  local _, _, spent = token_bucket(pack(CELL, units, rest, instant, period), limit, ANY, period, 1)
  local owed, its_rest = unpack_bytes(CELL, spent)
  return owed - 1, its_rest
end

local function take_from_bucket(name, limit, amount, units, rest, instant, period)
  local _, cell = token_bucket(read_cell(name), limit, ANY, period, 0)
  if not cell or units == 0 or units == MOST then return end
  local back, back_rest = still_owed(limit, units, rest, instant, period)
  if back >= amount then back, back_rest = amount, 0 end
  local owed, owed_rest, at = unpack_bytes(CELL, cell)
  owed, owed_rest = owed - back, owed_rest - back_rest
  if owed_rest < 0 then owed, owed_rest = owed - 1, owed_rest + period end
  if owed < 0 or (owed == 0 and owed_rest == 0) then
    states[name], lives[name] = false, 0
  else
    states[name], lives[name] = pack(CELL, owed, owed_rest, at, period), max(1, lives[name] or 1)
  end
end

local function take_from_window(name, kind, amount, start, period)
  local cell = read_cell(name)
  if not cell then return end
  local count, previous, its_start, its_period = unpack_bytes(CELL, cell)
  if its_period ~= period then return end
  if its_start == start then
    count = max(0, count - amount)
  elseif kind == 2 and its_start - start == period then
    previous = max(0, previous - amount)
  end
  if count == 0 and previous == 0 then
    states[name], lives[name] = false, 0
  else
    states[name], lives[name] = pack(CELL, count, previous, its_start, period), max(1, lives[name] or 1)
  end
end

local function cancel(token)
  local places = by_token[token]
  if places then
    settle(token, places)
    return '\1'
  end
  local mark = mark_of(token)
  if not mark then return '\0' end
  local offset, length = 8, #mark
  while length - offset >= 32 and offset + 32 + string.byte(mark, offset + 32) <= length do
    local kind, limit, amount, units, second, instant, period, name
    kind, limit, amount, units, second, instant, period, name, offset = unpack_bytes(MARK, mark, offset)
    if kind == 3 then
      take_from_log(name, instant, amount)
    elseif kind == 0 then
      take_from_bucket(name, limit, amount, units, second, instant, period)
    else
      take_from_window(name, kind, amount, instant, period)
    end
  end
  marks[token] = false
  gone[#gone + 1] = 'm' .. token
  return '\1'
end

local reply, offset, charge = {}, 1, 3
for check = 1, #ARGV[2] / 11 do
  local token, task, count = unpack_bytes('>c8BI2', ARGV[2], 11 * check - 10)
  local numbers = {}
  for _ = 1, count do
    local kind, limit, _, period
    kind, limit, _, period, _, offset = unpack_bytes('>BI4I4I6I4', records, offset)
    if task == 1 then numbers[ARGV[charge]] = { kind % 4, limit, period } end
    charge = charge + 1
  end
  reply[check] = task == 1 and confirm(token, numbers) or cancel(token)
end

if has_changed then
  local left = {}
  for index = 1, live_count do
    if live[index] then left[#left + 1] = live[index].entry end
  end
  if #left > 0 then
    set_field('holds', table.concat(left))
  else
    gone[#gone + 1] = 'holds'
  end
end
if #queue > 0 then
  -- The new marks behind the old, of which those that are over go, and the oldest of too many.
  local text = texts[2] or ''
  local first, dropped = 1, 0
  while first + 14 <= #text and dropped < 1000 do
    local ends, token = unpack_bytes(QUEUED, text, first)
    local room = (#text - first + 1) / 15 + #queue > MARKS
    if now < ends and ends - now <= LONGEST_HOLD + GRACE and not room then break end
    if not is_new[token] then gone[#gone + 1] = 'm' .. token end
    first, dropped = first + 15, dropped + 1
  end
  set_field('marks', sub(text, first, first + 15 * floor((#text - first + 1) / 15) - 1) .. table.concat(queue))
  for index = 1, #queue do
    local token = sub(queue[index], 8)
    if marks[token] then set_field('m' .. token, marks[token]) end
  end
end
finish()
return table.concat(reply)
