-- scripts/Three.cs and scripts/Fifteen.cs as app_lua runs them.
function three()
	local uri = KSR.pv.get("$ru")
	KSR.pv.sets("$rU", "123")
	if KSR.hdr.append_to_reply("X-Script: ok\r\n") == 1 and uri ~= nil then return 1 end
	return -1
end

function fifteen()
	local text = KSR.pv.get("$ru") .. KSR.pv.get("$fu") .. KSR.pv.get("$tu") .. KSR.pv.get("$ci") .. KSR.pv.get("$rm")
		.. KSR.pv.get("$si") .. KSR.pv.get("$hdr(Via)") .. KSR.pv.get("$fU") .. KSR.pv.get("$rd")
	local port = KSR.pv.get("$sp")
	KSR.pv.sets("$rU", "123")
	KSR.pv.sets("$var(route)", "gateway")
	KSR.pv.seti("$var(length)", #text)
	local done = KSR.hdr.append("X-Routed-By: script\r\n") == 1
	if KSR.hdr.append_to_reply("X-Script: ok\r\n") == 1 and done and port > 0 then return 1 end
	return -1
end
