"""What workers settle in Redis, each step in one piece: slots, and rations of a minute's limits.

The arithmetic of `grader.judges.limits` in Lua, by the server's own clock, so that machines need
not agree on the time. Keys of one server share a hash tag.
"""

# Slots for calls in flight, and how many there are now.
#
# KEYS  1 hash: worker → slots it holds   2 hash: worker → slots it wants
#       3 sorted set: worker → when it expires (ms)   4 string: the server asked us to wait
#       5 hash: limit, cut_at, grown_at (ms), calm (s): the limit now and how it came there
# ARGV  1 worker   2 slots wanted   3 slots in use   4 limit   5 expiry (ms)   6 hold to add (ms)
#       7 "1" after trouble   8 "1" after a success
# Returns {slots granted, milliseconds left to hold, the limit now, workers}. A worker may be
# granted fewer than it uses: it holds on to those until its calls end, and starts no others.
SLOTS = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', now)) do
  redis.call('HDEL', KEYS[1], gone)
  redis.call('HDEL', KEYS[2], gone)
  redis.call('ZREM', KEYS[3], gone)
end
redis.call('ZADD', KEYS[3], now + ARGV[5], ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])

local most = tonumber(ARGV[4])
local kept = redis.call('HMGET', KEYS[5], 'limit', 'cut_at', 'grown_at', 'calm')
local limit = math.min(most, tonumber(kept[1] or most) or most)
local cut_at, grown_at = tonumber(kept[2] or 0) or 0, tonumber(kept[3] or 0) or 0
local calm = tonumber(kept[4] or 0) or 0
if ARGV[7] == '1' and now - cut_at >= 1000 then
  limit, cut_at, grown_at, calm = math.max(1, limit * 0.7), now, now, 0
  redis.call('HSET', KEYS[5], 'limit', limit, 'cut_at', cut_at, 'grown_at', grown_at, 'calm', 0)
elseif ARGV[8] == '1' and limit < most then
  local step = math.min(1, (now - grown_at) / 1000)
  local first = math.min(calm, 8)
  limit = limit + most * 0.01 / math.log(2) * (2 ^ (first + step) - 2 ^ first)
  limit = math.min(most, limit)
  redis.call('HSET', KEYS[5], 'limit', limit, 'grown_at', now, 'calm', first + step)
end
limit = math.max(1, math.floor(limit))

local held = redis.call('HGETALL', KEYS[1])
local others, mine = 0, {}
for i = 1, #held, 2 do
  mine[held[i]] = tonumber(held[i + 1])
  if held[i] ~= ARGV[1] then others = others + tonumber(held[i + 1]) end
end
local unmet, wanting, workers = 0, 1, 1
local wants = redis.call('HGETALL', KEYS[2])
for i = 1, #wants, 2 do
  if wants[i] ~= ARGV[1] then
    local want = tonumber(wants[i + 1])
    if want > 0 then wanting = wanting + 1 end
    unmet = unmet + math.max(0, want - (mine[wants[i]] or 0))
    workers = workers + 1
  end
end
local used = tonumber(ARGV[3])
local free = math.max(0, limit - others)
local fair = math.max(1, math.floor(limit / wanting))
local granted = math.min(tonumber(ARGV[2]), free, math.max(fair, free - unmet))
redis.call('HSET', KEYS[1], ARGV[1], math.max(granted, used))
if tonumber(ARGV[6]) > 0 then
  local left = redis.call('PTTL', KEYS[4])
  if left < tonumber(ARGV[6]) then redis.call('SET', KEYS[4], '1', 'PX', ARGV[6]) end
end
for i = 1, 3 do redis.call('PEXPIRE', KEYS[i], ARGV[5] * 4) end
redis.call('PEXPIRE', KEYS[5], 600000)
return {granted, math.max(0, redis.call('PTTL', KEYS[4])), limit, workers}
"""

# One limit of one model: what was heard of it, and a bucket that is kept as the moment at which it
# is empty. What is granted ahead of that moment is for later.
#
# KEYS  1 hash: limit, capacity (heard), empty_at (ms), has_answered
#       2 sorted set: worker → when it last wanted some (ms)
#       3 sorted set: worker → when it was last granted some (ms)
# ARGV  1 worker   2 amount wanted   3 amount in a second, 0 while unknown   4 capacity
#       5 how far ahead (ms)   6, 7 limit and capacity heard, 0 for nothing new
#       8 the most that the bucket can hold (ms of its rate), empty for unknown
#       9 ms to push everything back   10 amount given back   11 "1" after an answer
#       12 how long what was heard is remembered (ms)
# Returns {amount granted, ms from now to when the bucket is empty before it, limit heard, capacity
# heard, workers that want some, has_answered}, in text where it may be a fraction.
RATION = """
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
if tonumber(ARGV[6]) > 0 then
  redis.call('HSET', KEYS[1], 'limit', ARGV[6], 'capacity', ARGV[7])
end
if ARGV[11] == '1' then redis.call('HSET', KEYS[1], 'has_answered', '1') end
local kept = redis.call('HMGET', KEYS[1], 'limit', 'capacity', 'empty_at', 'has_answered')
local wanted, rate, capacity = tonumber(ARGV[2]), tonumber(ARGV[3]) / 1000, tonumber(ARGV[4])
local granted, begins, wanting = 0, 0, 1
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - 1000)
if wanted > 0 then
  redis.call('ZADD', KEYS[2], now, ARGV[1])
  wanting = redis.call('ZCARD', KEYS[2])
else
  redis.call('ZREM', KEYS[2], ARGV[1])
end
if rate > 0 then
  local full_at = now - capacity / rate
  local empty_at = math.max(full_at, tonumber(kept[3] or full_at) or full_at)
  empty_at = math.max(full_at, empty_at - tonumber(ARGV[10]) / rate)
  if ARGV[8] ~= '' then empty_at = math.max(empty_at, now - tonumber(ARGV[8])) end
  empty_at = empty_at + tonumber(ARGV[9])
  local there = math.max(0, (now + tonumber(ARGV[5]) - empty_at) * rate + 0.000001)
  if wanted > 0 and there > 0 then
    local share = there / wanting
    if share < 1 and there >= 1 then
      -- Fewer than those who want one: in turn.
      local mine = tonumber(redis.call('ZSCORE', KEYS[3], ARGV[1]) or 0)
      share = 1
      for _, other in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
        local theirs = tonumber(redis.call('ZSCORE', KEYS[3], other) or 0)
        if theirs < mine then share = 0 end
      end
    end
    granted = math.min(wanted, share)
    if tonumber(ARGV[5]) > 0 then granted = math.floor(granted) end
    if granted > 0 then
      begins = empty_at - now
      empty_at = empty_at + granted / rate
      redis.call('ZADD', KEYS[3], now, ARGV[1])
    end
  end
  redis.call('HSET', KEYS[1], 'empty_at', string.format('%.3f', empty_at))
end
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[12]) end
redis.call('PEXPIRE', KEYS[2], 60000)
redis.call('PEXPIRE', KEYS[3], 60000)
return {
  string.format('%.3f', granted), string.format('%.3f', begins),
  kept[1] or '0', kept[2] or '0', wanting, kept[4] and 1 or 0
}
"""
