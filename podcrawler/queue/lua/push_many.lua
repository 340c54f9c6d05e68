-- nil -> pending: queues entries that have no state yet; the state is the duplicate filter. Replaces changed requests.
-- Keys: Q entries, routes, pending:<host>, hosts, failed, tries, expiries, ended, open, order; A finished:<group>, visit:<group>, told
-- ARGV: token of the lease on the list page or seed that the entries come from, or empty; how many entries were pushed
--   under that lease before; then for each entry eight values: kind, key, group, name, host, priority, fresh ('1': a new
--   visit), request
-- Returns the numbers of entries: added, changed, known, failed, finished.
local ADDED, CHANGED, KNOWN, FAILED, FINISHED = 1, 2, 3, 4, 5

local function push(kind, key, group, name, host, priority, fresh, request)
  local state = state_of(key)
  if state == 'leased' then return KNOWN end

  if state == nil then
    local route = {kind = kind, group = group, name = name, host = host}
    if fresh then
      redis.call('DEL', record_key(route))
    elseif redis.call('HEXISTS', record_key(route), name) == 1 then
      return FINISHED
    end
    local order = redis.call('INCR', Q .. 'order')
    route.score = string.format('%.0f', order - priority * PRIORITY_STEP)
    redis.call('HSET', Q .. 'entries', key, request)
    set_route(key, route)
    to_pending(key, route)
    count_open(group, 1)
    return ADDED
  end

  local route = route_of(key)
  local changed = redis.call('HGET', Q .. 'entries', key) ~= request
  if changed then
    redis.call('HSET', Q .. 'entries', key, request)
    if state == 'pending' then from_pending(key, route) end
    route.host = host
    set_route(key, route)
    if state == 'pending' then to_pending(key, route) end
  end
  if state == 'failed' then
    if not (changed or fresh) then return FAILED end
    if fresh then redis.call('DEL', record_key(route)) end
    from_failed(key, route)
    return ADDED
  end
  return changed and CHANGED or KNOWN
end

local counts = {0, 0, 0, 0, 0}
for i = 3, #ARGV, 8 do
  local outcome = push(ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4],
    tonumber(ARGV[i + 5]), ARGV[i + 6] == '1', ARGV[i + 7])
  counts[outcome] = counts[outcome] + 1
end
note_pushed(ARGV[1], tonumber(ARGV[2]), (#ARGV - 2) / 8)
return counts
