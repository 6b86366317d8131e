//! What Redis does for us in one piece: scripts, each carried out whole or not at all.
//!
//! Keys, in this order: the counters (a hash), the lease (a string that expires), the journal (a
//! stream whose ids are our numbers). The lease's text is the holder's token and name.

/// Takes the store when nobody holds it. Arguments: token, name, lease in milliseconds, layout.
pub(super) const TAKE: &str = "
local layout = redis.call('HGET', KEYS[1], 'layout')
if layout and layout ~= ARGV[4] then return {'layout', layout} end
if not layout and redis.call('EXISTS', KEYS[3]) == 1 then return {'layout', 'of nobody'} end
local held = redis.call('GET', KEYS[2])
if held then
    local token, name = string.match(held, '^(%S+) (.*)$')
    if token ~= ARGV[1] then return {'held', name or held, redis.call('PTTL', KEYS[2])} end
end
redis.call('HSET', KEYS[1], 'layout', ARGV[4], 'holder', ARGV[2])
local epoch = redis.call('HINCRBY', KEYS[1], 'epoch', 1)
redis.call('SET', KEYS[2], ARGV[1] .. ' ' .. ARGV[2], 'PX', ARGV[3])
return {'taken', epoch}
";

/// Appends, if the store is still ours and ends where we think; without entries it only makes sure
/// that it is ours. Arguments: epoch, lease's text, lease in milliseconds, last number, last hash,
/// then text and hash of each entry.
pub(super) const APPEND: &str = "
local counters = redis.call('HMGET', KEYS[1], 'epoch', 'holder')
if counters[1] ~= ARGV[1] then return {'outrun', counters[1] or '0', counters[2] or 'nobody'} end
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
if #ARGV == 5 then return {'done'} end
local last, hash = '0', nil
local tail = redis.call('XREVRANGE', KEYS[3], '+', '-', 'COUNT', 1)[1]
if tail then
    last, hash = string.match(tail[1], '^%d+'), tail[2][4]
end
if last ~= ARGV[4] or (hash and hash ~= ARGV[5]) then return {'tail', last, hash or ''} end
local seq = tonumber(last)
for i = 6, #ARGV, 2 do
    seq = seq + 1
    redis.call('XADD', KEYS[3], string.format('%.0f-0', seq), 'body', ARGV[i], 'chain', ARGV[i + 1])
end
return {'done'}
";

/// Gives the store back. Argument: the lease's text.
pub(super) const RELEASE: &str = "
if redis.call('GET', KEYS[2]) == ARGV[1] then redis.call('DEL', KEYS[2]) end
return 1
";

/// Keeps the first number. Argument: the number drawn.
pub(super) const TAG: &str = "
redis.call('HSETNX', KEYS[1], 'store', ARGV[1])
return redis.call('HGET', KEYS[1], 'store')
";
