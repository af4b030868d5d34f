-- The route of kamailio/Registrar.cs in Lua, for app_lua: what C# is measured against.
-- Each function here is one there, with the same calls in the same order.

local function relay()
	if KSR.is_method_in("IBSU") and KSR.tm.t_is_set("branch_route") < 0 then
		KSR.tm.t_on_branch("ksr_branch_manage")
	end
	if KSR.is_method_in("ISU") and KSR.tm.t_is_set("onreply_route") < 0 then
		KSR.tm.t_on_reply("ksr_onreply_manage")
	end
	if KSR.is_INVITE() and KSR.tm.t_is_set("failure_route") < 0 then
		KSR.tm.t_on_failure("ksr_failure_manage")
	end
	if KSR.tm.t_relay() < 0 then
		KSR.sl.sl_reply_error()
	end
	KSR.x.exit()
end

local function request_init()
	KSR.set_reply_no_connect()
	KSR.force_rport()

	local agent = KSR.kx.gete_ua()
	for _, scanner in ipairs({"friendly", "scanner", "sipcli", "sipvicious"}) do
		if string.find(agent, scanner, 1, true) then
			KSR.x.exit()
		end
	end
	if KSR.maxfwd.process_maxfwd(10) < 0 then
		KSR.sl.sl_send_reply(483, "Too Many Hops")
		KSR.x.exit()
	end
	if KSR.is_OPTIONS() and KSR.is_myself_ruri() and KSR.corex.has_ruri_user() < 0 then
		KSR.sl.sl_send_reply(200, "Keepalive")
		KSR.x.exit()
	end
	if KSR.sanity.sanity_check(17895, 7) < 0 then
		KSR.err("malformed SIP request from " .. KSR.kx.get_srcip() .. ":" .. KSR.kx.get_srcport() .. "\n")
		KSR.x.exit()
	end
end

local function within_dialog()
	if KSR.siputils.has_totag() < 0 then
		return
	end
	if KSR.rr.loose_route() > 0 then
		if KSR.is_NOTIFY() then
			KSR.rr.record_route()
		end
		relay()
	end
	if KSR.is_ACK() then
		if KSR.tm.t_check_trans() > 0 then
			relay()
		end
		KSR.x.exit()
	end
	KSR.sl.sl_send_reply(404, "Not here")
	KSR.x.exit()
end

local function register()
	if not KSR.is_REGISTER() then
		return
	end
	if KSR.registrar.save("location", 0) < 0 then
		KSR.sl.sl_reply_error()
	end
	KSR.x.exit()
end

local function locate()
	local found = KSR.registrar.lookup("location")
	if found < 0 then
		KSR.tm.t_newtran()
		if found == -2 then
			KSR.sl.send_reply(405, "Method Not Allowed")
		else
			KSR.sl.send_reply(404, "Not Found")
		end
		KSR.x.exit()
	end
	relay()
end

function ksr_request_route()
	request_init()

	if KSR.is_CANCEL() then
		if KSR.tm.t_check_trans() > 0 then
			relay()
		end
		return 1
	end

	if not KSR.is_ACK() then
		if KSR.tmx.t_precheck_trans() > 0 then
			KSR.tm.t_check_trans()
			return 1
		end
		if KSR.tm.t_check_trans() == 0 then
			return 1
		end
	end

	within_dialog()

	if not KSR.is_myself_ruri() then
		KSR.sl.sl_send_reply(403, "Not relaying")
		return 1
	end

	KSR.hdr.remove("Route")
	if KSR.is_method_in("IS") then
		KSR.rr.record_route()
	end

	register()

	if KSR.corex.has_ruri_user() < 0 then
		KSR.sl.sl_send_reply(484, "Address Incomplete")
		return 1
	end

	locate()
end

function ksr_reply_route()
	if KSR.sanity.sanity_check(17604, 6) < 0 then
		KSR.err("malformed SIP response from " .. KSR.kx.get_srcip() .. ":" .. KSR.kx.get_srcport() .. "\n")
		KSR.x.drop()
	end
	return 1
end

function ksr_branch_manage()
	KSR.dbg("new branch " .. KSR.pv.get("$T_branch_idx") .. " to " .. KSR.kx.get_ruri() .. "\n")
	return 1
end

function ksr_onreply_manage()
	KSR.dbg("incoming reply " .. KSR.kx.get_status() .. "\n")
	return 1
end

function ksr_failure_manage()
	if KSR.tm.t_is_canceled() > 0 then
		return 1
	end
	KSR.dbg("failed with " .. KSR.pv.get("$T_reply_code") .. "\n")
	return 1
end
