-- A routing script in Lua (KEMI) that asks a C# script: 1 is true, -1 is false.

function ksr_request_route()
	local answer = KSR.app_python3.exec_p1("mono_exec", "/etc/kamailio/mono/MySRTest.exe " .. (KSR.pv.get("$rU") or ""))
	if answer > 0 then
		KSR.sl.sl_send_reply(200, "OK")
	else
		KSR.sl.sl_send_reply(404, "Not Found")
	end
end
