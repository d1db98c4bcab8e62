-- algorithms.lua: the four algorithms, and how their states are kept. Stands in front of charge.lua, hold.lua and
-- settle.lua. Redis runs a script to its end, so it is atomic.
--
-- cell     23 bytes, big-endian: units (4), remainder or previous count (6), instant (7), period (6): what
--          Limiting.Cell says, in microseconds. Anything else under the key is read as no cell.
-- log      entries "<instant>:<sum of all costs so far>:<cost>", oldest first. Its summary, big-endian: what is in
--          force (4), then instants (7 each): of the newest entry; of that with whose leaving one more unit is free; of
--          that with whose leaving a cost that was denied fits.
--
-- This decides and keeps state exactly as the room Limiting does, whose files say why; all numbers of an answer are
-- computed there, from the state returned.
--
-- Time is the server's own. Microseconds: a number here is a double, whole below 2^53; products that may pass 2^52 go
-- the long way. `a % b` is exact below 2^52 too: the quotient is then too far from the next integer to round up to it.

local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local call, pack, unpack_bytes, format, match = redis.call, struct.pack, struct.unpack, string.format, string.match
local floor, ceil, fmod, max, min = math.floor, math.ceil, math.fmod, math.max, math.min

local CELL = '>I4I6I7I6'
local EXACT, LARGEST = 2 ^ 52, 2 ^ 53
local LONGEST_PERIOD = 366 * 86400 * 1000000
-- How far ahead of now a state is believed, at least: Limiting's Bounds.believedAhead.
local BELIEVED = 10000000
-- How long a key outlives its state, and the longest that it lives: 100 years.
local MARGIN, LONGEST_LIFE = 10000, 100 * 36525 * 864000

-- Milliseconds that a state of so many microseconds must be kept.
local function life(microseconds) return min(ceil(microseconds / 1000), LONGEST_LIFE) + MARGIN end

-- floor(a * b / c) and what remains; a below 2^49, b and c at most the longest period: 7 bits of `a` a step keep every
-- sum below 2^53.
local function divide(a, b, c)
  local whole, rest, unit = 0, 0, 2 ^ 42
  for _ = 1, 7 do
    local digit = floor(a / unit)
    a = a - digit * unit
    local sum = rest * 128 + digit * b
    rest = fmod(sum, c)
    whole = whole * 128 + (sum - rest) / c
    unit = unit / 128
  end
  return whole, rest
end

-- An algorithm takes a state and a charge's numbers, and returns: whether it denies; the state it decided on (false:
-- none); the state once the cost is spent, or nil where none is; how long to keep that state. The last is nil where
-- what is stored stays as it is, and no change of the numbers can have made its life longer.

local function token_bucket(cell, limit, burst, period, cost)
  local units, rest, instant = 0, 0, now
  if cell then
    local before
    units, rest, instant, before = unpack_bytes(CELL, cell)
    if (units == 0 and rest == 0) or rest >= before or before == 0 or before > LONGEST_PERIOD then
      units, rest, instant, cell = 0, 0, now, false
    else
      local is_far = instant - now > max(period, BELIEVED)
      if is_far then instant = now end
      if before ~= period then
        local scaled, dropped = divide(rest, period, before)
        rest = dropped > 0 and scaled + 1 or scaled
        if rest >= period then units, rest = min(units + 1, 4294967295), 0 end
      end
      if is_far or before ~= period then cell = pack(CELL, units, rest, instant, period) end
      if instant < now then
        local elapsed = now - instant
        local earned, whole, part = elapsed * limit
        if earned < EXACT then
          part = earned % period
          whole = (earned - part) / period
        elseif earned / period > units + 2 then
          whole, part = units + 1, 0
        else
          local within = fmod(elapsed, period)
          whole, part = divide(limit, within, period)
          whole = whole + (elapsed - within) / period * limit
        end
        units, rest, instant = units - whole, rest - part, now
        if rest < 0 then units, rest = units - 1, rest + period end
        if units < 0 then units, rest = 0, 0 end
      end
    end
  end
  local owed = rest > 0 and units + 1 or units
  if cost == 0 or cost > burst - owed then
    return cost > 0, cell, nil, cell and life(instant - now + (units * period + rest) / limit)
  end
  units = units + cost
  return false, cell, pack(CELL, units, rest, instant, period), life(instant - now + (units * period + rest) / limit)
end

local function fixed_window(cell, limit, period, cost)
  local count, start, held = 0, nil, cell
  if cell then
    local _, before
    count, _, start, before = unpack_bytes(CELL, cell)
    if count == 0 or before ~= period or now < start or now - start >= period then
      -- The instant at which it is judged: its own start where that is ahead and believed.
      local at = start > now and start - now <= max(period, BELIEVED) and start or now
      local holds = at >= start and at - start < before
      if count == 0 or before == 0 or before > LONGEST_PERIOD or (not holds and at >= start) then
        cell, count, start = false, 0, nil
      elseif before ~= period or not holds then
        start = at - fmod(at, period)
        cell = pack(CELL, count, 0, start, period)
      end
    end
  end
  if cost == 0 or cost > limit - count then
    return cost > 0, cell, nil, cell and cell ~= held and life(start + period - now)
  end
  start = start or now - fmod(now, period)
  return false, cell, pack(CELL, count + cost, 0, start, period), life(start + period - now)
end

-- Both counts at an instant of the current window, the previous one weighted, rounded up.
local function weigh(count, previous, start, period, at)
  if previous == 0 then return count end
  local left = period - (at - start)
  local product, whole, part = previous * left
  if product < EXACT then
    part = product % period
    whole = (product - part) / period
  else
    whole, part = divide(previous, left, period)
  end
  return count + whole + (part > 0 and 1 or 0)
end

local function sliding_window(cell, limit, period, cost)
  local count, previous, start, used, held = 0, 0, nil, 0, cell
  if cell then
    local before
    count, previous, start, before = unpack_bytes(CELL, cell)
    if before == 0 or before > LONGEST_PERIOD or previous > 4294967295 then count, previous, before = 0, 0, period end
    if before ~= period or now < start or now - start >= period then
      local at = start > now and start - now <= max(period, BELIEVED) and start or now
      if at < start or at - start >= before then
        local old = start
        start = at - fmod(at, before)
        if at >= old then
          previous = start - old == before and count or 0
          count = 0
        end
      end
      if before ~= period then
        count, previous = min(weigh(count, previous, start, before, at), 4294967295), 0
        start = at - fmod(at, period)
      end
      cell = pack(CELL, count, previous, start, period)
    end
    if count == 0 and previous == 0 then
      cell, start = false, nil
    else
      used = weigh(count, previous, start, period, max(now, start))
    end
  end
  if cost == 0 or cost > limit - used then
    return cost > 0, cell, nil, cell and cell ~= held and life(start + (count > 0 and 2 or 1) * period - now)
  end
  start = start or now - fmod(now, period)
  return false, cell, pack(CELL, count + cost, previous, start, period), life(start + 2 * period - now)
end

-- A log in this call is a table that is replaced, not changed: `newest` instant; `total` of all costs so far; `added`,
-- the cost of an entry at `newest` that is still to be written; `dropped`, how many entries at the head are to go;
-- `replaces`, whether all that is stored is to go, and `is_foreign`, whether that is no list; and `summary`, as the reply
-- gives it.
--
-- Its functions are made at the first log of a call: a call without one does not wait for them.

local function make_log_functions()
  local function read_log(key)
    local text = redis.pcall('LINDEX', key, -1)
    if not text then return false end
    local newest, total
    if type(text) == 'string' then newest, total = match(text, '^(%d+):(%d+):%d+$') end
    newest, total = tonumber(newest), tonumber(total)
    local is_ours = newest and newest < LARGEST and total < LARGEST
    if not is_ours then newest, total = 0, 0 end
    return {
      newest = newest, total = total, added = 0, dropped = 0, replaces = not is_ours,
      is_foreign = type(text) == 'table',
    }
  end

  -- The instant, the sum so far and the cost of an entry. Behind what is stored stands what is added: the end.
  local function entry(log, key, index)
    local text = not log.replaces and call('LINDEX', key, index)
    if not text then return log.newest, log.total, log.added, true end
    local instant, total, cost = match(text, '^(%d+):(%d+):(%d+)$')
    return min(tonumber(instant) or 0, log.newest), tonumber(total) or 0, tonumber(cost) or 0
  end

  -- The first entry from `index` on whose instant or sum so far (`field` 1 or 2) is above `bound`, as the last one's
  -- is: its index and its three numbers. In doubling steps, then halves: nearly always it stands at the head.
  local function search(log, key, index, field, bound)
    local low, high, step = index - 1, index, 1
    local instant, total, cost, is_end = entry(log, key, high)
    while (field == 1 and instant or total) <= bound and not is_end do
      low, high, step = high, high + step, step * 2
      instant, total, cost, is_end = entry(log, key, high)
    end
    while high - low > 1 do
      local middle = floor((low + high) / 2)
      local its_instant, its_total, its_cost = entry(log, key, middle)
      if (field == 1 and its_instant or its_total) > bound then
        high, instant, total, cost = middle, its_instant, its_total, its_cost
      else
        low = middle
      end
    end
    return high, instant, total, cost
  end

  -- What is in force; and from which entry on, the sum before that, and its instant.
  local function in_force(log, key, horizon)
    if log.newest <= horizon then return 0 end
    local first, oldest, total, cost = search(log, key, log.dropped, 1, horizon)
    return max(0, log.total - total + cost), first, total - cost, oldest
  end

  local function sliding_log(log, limit, period, cost, key)
    local used, at = 0, now
    local first, base, oldest
    if log then
      at = max(now, log.newest)
      used, first, base, oldest = in_force(log, key, at - period)
      local is_far = log.newest - now > max(period, BELIEVED)
      if is_far or (used > 0 and log.total > EXACT) then
        if is_far then at = now end
        log = {
          newest = at, total = used, added = used, dropped = 0, replaces = true, is_foreign = log.is_foreign,
        }
        first, base, oldest = 0, 0, at
      end
    end

    local denies = cost > 0 and cost > limit - used
    if log then
      local freed, fits, _ = oldest or 0, 0
      if used > limit then _, freed = search(log, key, first, 2, base + used - limit) end
      if denies and cost <= limit then _, fits = search(log, key, first, 2, base + used + cost - limit - 1) end
      log.summary = pack('>I4I7I7I7', used, log.newest, freed, fits)
    end
    if denies or cost == 0 then return denies, log, nil, log and life(log.newest + period - now) end

    local spent = { newest = at, total = cost, added = cost, dropped = 0, replaces = true }
    if first then
      spent.total, spent.added = log.total + cost, log.added + cost
      spent.dropped, spent.replaces = first, log.replaces
    end
    spent.is_foreign = log and log.is_foreign
    return false, log, spent, life(at + period - now)
  end

  -- A list that stays is never empty meanwhile: where its slot is on the way to another node, it would be missed.
  local function write_log(key, log)
    if log.is_foreign then call('DEL', key) end
    if log.added > 0 then call('RPUSH', key, format('%.0f:%.0f:%.0f', log.newest, log.total, log.added)) end
    if log.dropped > 0 or log.replaces then
      if log.added > 0 then
        call('LTRIM', key, log.replaces and -1 or log.dropped, -1)
      else
        call('DEL', key)
      end
    end
  end

  return read_log, sliding_log, write_log
end

