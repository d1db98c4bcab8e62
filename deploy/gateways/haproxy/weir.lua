-- weir.lua: the action `lua.weir` asks weir about a request, and leaves the answer in variables of the transaction:
--
--   txn.weir            allowed, denied, unanswered (5xx or no answer), or refused (any other status)
--   txn.weir_limit, txn.weir_remaining, txn.weir_reset, txn.weir_retry_after, txn.weir_body    where weir sent them
--
-- A client has no part in "unanswered": a check that it made too large is a 400 of the section `weir`, and refused.
-- Should this script fail, txn.weir is not set, and haproxy.cfg does not let the request pass.

-- The headers of a client's that policies use. No other reaches weir. In lower case.
local forwarded_headers = { "x-api-key" }

-- The section `weir` of haproxy.cfg always answers: 1 s to connect, 1 s for weir. This wait is longer, since the HTTP
-- client of HAProxy 2.6 asks again after a time-out of its own, and a check would count twice.
local door = "abns@weir"
local wait_ms = 3000

local outcome_of_status = { [200] = "allowed", [401] = "denied", [403] = "denied", [429] = "denied" }

local function outcome(status)
    if status == nil or status >= 500 then
        return "unanswered"
    end
    return outcome_of_status[status] or "refused"
end

-- All lines of a header as one, as RFC 9110 section 5.3 joins them. `lines` counts from 0.
local function joined(lines)
    local values = {}
    for i = 0, #lines do
        values[#values + 1] = lines[i]
    end
    return table.concat(values, ", ")
end

local function check_headers(txn)
    local values = {
        ["x-forwarded-uri"] = txn.sf:pathq(),
        ["x-forwarded-method"] = txn.sf:method(),
        ["x-forwarded-host"] = txn.sf:req_fhdr("host"),
        ["x-forwarded-for"] = txn.sf:src(),
    }
    local given = txn.http:req_get_headers()
    for _, name in ipairs(forwarded_headers) do
        if given[name] then
            values[name] = joined(given[name])
        end
    end

    -- Each check has a connection to the door of its own: on one that was used before, HAProxy would answer the loss
    -- of a connection to weir by closing it, and the client would ask again. To weir connections are kept.
    local headers = { connection = { "close" } }
    for name, value in pairs(values) do
        headers[name] = { value }
    end
    return headers
end

local function keep(txn, variable, lines)
    if lines then
        txn:set_var(variable, lines[0])
    end
end

core.register_action("weir", { "http-req" }, function(txn)
    local headers = check_headers(txn)
    local answer = core.httpclient():get({ url = "http://weir/check", dst = door, headers = headers, timeout = wait_ms })
    local result = outcome(answer.status)
    if result == "allowed" or result == "denied" then
        keep(txn, "txn.weir_limit", answer.headers["x-ratelimit-limit"])
        keep(txn, "txn.weir_remaining", answer.headers["x-ratelimit-remaining"])
        keep(txn, "txn.weir_reset", answer.headers["x-ratelimit-reset"])
    end
    if result == "denied" then
        keep(txn, "txn.weir_retry_after", answer.headers["retry-after"])
        txn:set_var("txn.weir_body", answer.body or "")
    end
    txn:set_var("txn.weir", result)
end)
