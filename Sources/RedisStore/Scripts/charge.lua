-- charge.lua: charges checks against their limits. Redis runs a script to its end, so it is atomic.
--
-- KEYS     one a charge, in order: a cell (a string), or a sliding log (a list). A key may stand there several times.
-- ARGV[1]  one record of 19 bytes a charge, big-endian: kind (1), limit (4), burst (4), period in microseconds (6),
--          cost (4). kind: 0 token bucket, 1 fixed window, 2 sliding window, 3 sliding log; + 4 shadow; + 8 the check
--          only looks: nothing is consumed; + 16 the last charge of its check. Cost 0 looks without spending.
-- returns  one string: now in microseconds (7), then a charge: 1 byte, + 1 it denies, + 2 a cell follows, + 4 the
--          summary of a log follows; then that. It is the state on which the charge was decided, carried to `now` and
--          the period in hand, but nothing spent by it; in a check that is denied, nothing spent by the check.
--
-- What cells and logs are, and how they are decided on, says algorithms.lua. Every check is all or nothing for itself.
-- All writes stand at the end, so that an error at the first of them (a full or a read-only Redis) leaves nothing half
-- done.

local count = #KEYS
-- By a key's first place in KEYS: its state as of now in this call (false: none); and what is to be done about it at
-- the end: nothing (nil), keep it for so many milliseconds without a write (below 0), write it and keep it, delete
-- it (0).
local states, lives = nil, {}
if count <= 1000 then
  states = call('MGET', unpack(KEYS))
else
  states = {}
  for first = 1, count, 1000 do
    local values = call('MGET', unpack(KEYS, first, min(first + 999, count)))
    for index = 1, #values do states[first + index - 1] = values[index] end
  end
end

local records, offset = ARGV[1], 1
local reply = { pack('>I7', now) }
local first_places = count > 1 and {}
local read_log, sliding_log, write_log
-- Of the check in hand: its first charge, and whether it is denied; and of its charges, if there are several, where
-- they are, whether they deny, and what stood there before they spent.
local first, is_denied = 1, false
local places, denying, were, had_lived

for index = 1, count do
  local kind, limit, burst, period, cost
  kind, limit, burst, period, cost, offset = unpack_bytes('>BI4I4I6I4', records, offset)
  local is_last, only_looks, is_shadow = kind >= 16, false, false
  if is_last then kind = kind - 16 end
  if kind >= 8 then kind, only_looks = kind - 8, true end
  if kind >= 4 then kind, is_shadow = kind - 4, true end
  if kind == 3 and not read_log then read_log, sliding_log, write_log = make_log_functions() end

  local key = KEYS[index]
  local place = first_places and first_places[key]
  if not place then
    place = index
    if first_places then first_places[key] = index end
    if kind == 3 then
      states[index] = read_log(key)
    elseif states[index] and #states[index] ~= 23 then
      states[index] = false
    end
  end

  local held = states[place]
  local denies, state, spent, life_left
  if kind == 0 then
    denies, state, spent, life_left = token_bucket(held, limit, burst, period, cost)
  elseif kind == 1 then
    denies, state, spent, life_left = fixed_window(held, limit, period, cost)
  elseif kind == 2 then
    denies, state, spent, life_left = sliding_window(held, limit, period, cost)
  else
    denies, state, spent, life_left = sliding_log(held, limit, period, cost, key)
  end

  if not state then
    reply[2 * index], reply[2 * index + 1] = denies and '\1' or '\0', ''
  elseif kind == 3 then
    reply[2 * index], reply[2 * index + 1] = denies and '\5' or '\4', state.summary
  else
    reply[2 * index], reply[2 * index + 1] = denies and '\3' or '\2', state
  end

  if state ~= held then states[place], lives[place] = state, state and life_left or 0 end
  if not is_last or first < index then
    if not places then places, denying, were, had_lived = {}, {}, {}, {} end
    places[index], denying[index], were[index], had_lived[index] = place, denies, state, lives[place]
  end
  if spent then
    if not only_looks then states[place], lives[place] = spent, life_left end
  elseif life_left then
    lives[place] = lives[place] and lives[place] >= 0 and life_left or -life_left
  end

  if denies and not is_shadow then is_denied = true end
  if is_last then
    if is_denied and first < index then
      -- Take back what the check has spent, and describe what did not deny without it.
      for charge = index, first, -1 do
        states[places[charge]] = were[charge]
        if not denying[charge] then lives[places[charge]] = had_lived[charge] end
      end
      for charge = first, index do
        local before = states[places[charge]]
        if not denying[charge] and before then
          reply[2 * charge + 1] = type(before) == 'string' and before or before.summary
        elseif not denying[charge] then
          reply[2 * charge], reply[2 * charge + 1] = '\0', ''
        end
      end
    end
    first, is_denied = index + 1, false
  end
end

for place = 1, count do
  local life_left = lives[place]
  if life_left then
    local key, state = KEYS[place], states[place]
    if life_left < 0 then
      if call('PTTL', key) < -life_left - MARGIN then call('PEXPIRE', key, -life_left) end
    elseif life_left == 0 then
      call('DEL', key)
    elseif type(state) == 'string' then
      call('SET', key, state, 'PX', life_left)
    else
      write_log(key, state)
      call('PEXPIRE', key, life_left)
    end
  end
end

return table.concat(reply)
