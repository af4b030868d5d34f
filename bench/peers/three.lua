-- scripts/Three.cs as app_lua runs it.
function three()
	local uri = KSR.pv.get("$ru")
	KSR.pv.sets("$rU", "123")
	if KSR.hdr.append_to_reply("X-Script: ok\r\n") == 1 and uri ~= nil then return 1 end
	return -1
end
