-- Calls.cs in Lua, for app_lua.

local function read()
	local text = KSR.kx.get_method() .. KSR.kx.get_ruri() .. KSR.kx.get_furi() .. KSR.kx.get_turi()
		.. KSR.kx.get_srcip() .. KSR.kx.get_srcport() .. KSR.kx.get_callid() .. KSR.kx.gete_ua()
		.. KSR.pv.get("$fU") .. KSR.pv.get("$fd") .. KSR.pv.get("$tU") .. KSR.pv.get("$td")
		.. tostring(KSR.hdr.get("Subject")) .. tostring(KSR.hdr.get("CSeq")) .. tostring(KSR.hdr.get("Max-Forwards"))
	local is_ours = KSR.is_myself_ruri() and KSR.is_UDP() and KSR.is_IPv4() and not KSR.is_myself_furi()
	if #text == 0 or is_ours then
		KSR.err("this message was not expected\n")
	end
end

function ksr_request_route()
	if KSR.is_MESSAGE() then
		read()
	else
		for _ = 1, tonumber(KSR.pv.get("$rU")) do
			KSR.tm.t_is_set("failure_route")
		end
	end
	KSR.sl.sl_send_reply(200, "OK")
end
