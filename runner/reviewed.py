"""
The functions of Kamailio that scripts may call through ``KSR``, and those that they may not, with the reasons.

Each function that 5.6.3 and 6.0.1 export to scripting languages was looked at in the sources. One that is in neither
table is refused too: of another version, or of a module that is not Kamailio's. Each allowed one is called in a real
Kamailio (tests/kamailio/test_ksr_odd_arguments.py). docs/security.md lists the refused ones.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# A reason, or a module, and what it is the reason for, or what the module has.
_REFUSED = """
it ends a server whose module acc writes to no database; acc.acc_request does not: acc.acc_db_request
the tests have no server or device for it, so nobody knows what odd arguments do to it: acc_radius.request
    auth_radius.proxy_authorize auth_radius.proxy_authorize_user auth_radius.www_authorize
    auth_radius.www_authorize_user carrierroute.cr_next_domain carrierroute.cr_nofallback_route
    carrierroute.cr_nofallback_route_info carrierroute.cr_route carrierroute.cr_route_info carrierroute.cr_user_carrier
    cdp.cdp_check_peer cdp.cdp_has_app cdp.cdp_has_app2 cnxcc.get_channel_count cnxcc.set_max_channels
    cnxcc.set_max_credit cnxcc.set_max_time cnxcc.terminate_all cnxcc.update_max_time gcrypt.aes_decrypt
    gcrypt.aes_encrypt geoip.match geoip2.distance geoip2.match http_async_client.query http_client.query_request
    http_client.query_request_v2pk ims_dialog.get_profile_size ims_dialog.is_known_dlg ims_dialog.set_dlg_profile
    ims_diameter_server.diameter_request ims_diameter_server.diameter_request_async ims_qos.Rx_AAR
    ims_qos.Rx_AAR_Register influxdbc.ic_long influxdbc.measure influxdbc.measureend influxdbc.push jwt.jwt_verify_key
    kafka.send kafka.send_key kazoo.kazoo_publish kazoo.kazoo_subscribe ktest ldap.result_next ldap.search
    log_custom.log_udp log_systemd.sd_journal_print log_systemd.sd_journal_send_xvap microhttpd.mhttpd_reply
    mqtt.publish mqtt.subscribe mqtt.unsubscribe nats.publish nats.publish_request ndb_mongodb.exec
    ndb_mongodb.exec_simple ndb_mongodb.execx ndb_mongodb.find ndb_mongodb.find_one ndb_mongodb.free_reply
    ndb_mongodb.next_reply nghttp2.nghttp2_reply nghttp2.nghttp2_reply_header phonenum.match_cn
    prefix_route.prefix_route prefix_route.prefix_route_uri pvtpl.pvtpl_render rabbitmq.publish rabbitmq.publish_consume
    ruxc.http_delete ruxc.http_get ruxc.http_post secsipid.result_str secsipid.secsipid_sign_prvkey
    siprepo.sr_msg_async_pull siprepo.sr_msg_check siprepo.sr_msg_pull siprepo.sr_msg_push siprepo.sr_msg_rm
    stirshaken.stirshaken_check_identity tcpops.tcp_get_conid tls.cget tls.is_peer_verified tls.set_connect_server_id
it runs code inside the server: app_jsdt.dofile app_jsdt.dostring app_jsdt.run app_jsdt.run_p1 app_jsdt.run_p2
    app_jsdt.run_p3 app_jsdt.runstring app_lua.dofile app_lua.dostring app_lua.run app_lua.run_p1 app_lua.run_p2
    app_lua.run_p3 app_lua.runstring app_python.exec app_python.exec_p1 app_python.execx app_python3.exec
    app_python3.exec_p1 app_python3.execx app_python3s.exec app_python3s.exec_p1 app_python3s.execx app_ruby.run
    app_ruby.run_p1 app_ruby.run_p2 app_ruby.run_p3 app_sqlang.dofile app_sqlang.dostring app_sqlang.run
    app_sqlang.run_p1 app_sqlang.run_p2 app_sqlang.run_p3 app_sqlang.runstring
it ends the server: cfgutils.abort
a lock that a script does not give back stops every process of the server: cfgutils.lock cfgutils.trylock
    cfgutils.unlock htable.sht_iterator_end htable.sht_iterator_next htable.sht_iterator_rm htable.sht_iterator_setex
    htable.sht_iterator_seti htable.sht_iterator_sets htable.sht_iterator_start htable.sht_lock htable.sht_unlock
it writes all of the server's memory into the log, and holds it locked meanwhile: cfgutils.pkg_status
    cfgutils.pkg_summary cfgutils.shm_status cfgutils.shm_summary
it reads or writes a file that the script names: corex.file_read corex.file_write presence.pres_refresh_watchers_file
it writes every variable into the log, and some end the server: debugger.dbg_pv_dump debugger.dbg_pv_dump_ex
it runs commands of an administrator: dispatcher.ds_reload jsonrpcs.dispatch jsonrpcs.exec jsonrpcs.execx
    jsonrpcs.response xhttp_pi.dispatch xhttp_rpc.dispatch xmlrpc.dispatch_rpc xmlrpc.xmlrpc_reply
it starts processes: exec.exec_avp exec.exec_cmd exec.exec_dset exec.exec_msg
it reads a key from a file that the script names: jwt.jwt_generate jwt.jwt_generate_hdrs jwt.jwt_verify
    secsipid.secsipid_add_identity secsipid.secsipid_build_identity secsipid.secsipid_check
    secsipid.secsipid_check_identity secsipid.secsipid_sign secsipid.secsipid_verify stirshaken.stirshaken_add_identity
    stirshaken.stirshaken_add_identity_with_key stirshaken.stirshaken_check_identity_with_cert
    stirshaken.stirshaken_check_identity_with_key
its list stays locked where a destination is not as expected, and each stays in memory: keepalive.add_destination
    keepalive.del_destination keepalive.is_alive
it takes a number or a variable of the script as it is, and a wrong one ends the server: lcr.defunct_gw
    lcr.inactivate_gw lcr.load_gws lcr.load_gws_furi lcr.load_gws_ruser lcr.next_gw statsd.statsd_labels_stop
    statsd.statsd_stop
the server ends when it answers such a request itself: nat_traversal.nat_keepalive
it reads and edits at any byte, also between what others have parsed, or behind the message: posops.pos_append
    posops.pos_body_end posops.pos_body_start posops.pos_find_str posops.pos_findi_str posops.pos_headers_end
    posops.pos_headers_start posops.pos_insert posops.pos_rfind_str posops.pos_rfindi_str posops.pos_rm
    posops.pos_rsearch posops.pos_search posops.pos_set_char
it gives a list, which C# cannot have, and ends the server with some: pvx.xavi_get_keys pvx.xavi_getd pvx.xavi_getd_p1
    pvx.xavp_get_keys pvx.xavp_getd pvx.xavp_getd_p1
it ends or hangs a server where another xavu was set: pvx.xavu_params_explode
it ends a server whose module siptrace has no duplicate_uri: siptrace.hlog siptrace.hlog_cid
its table in Kamailio lacks an argument, so that it ends the server: statsd.statsd_labels_decr statsd.statsd_labels_incr
the server ends when it forwards a message whose Content-Type has no boundary as received: textops.set_body_multipart
    textops.set_body_multipart_boundary textops.set_body_multipart_content
KSR.x.modf ends the server; SR.Core.ModF does what it should do: x.modf
"""
_ALLOWED = """
KSR: add_local_rport add_tcp_alias add_tcp_alias_via crit dbg err force_rport forward forward_uri get_debug info is_ACK
    is_BYE is_CANCEL is_DELETE is_GET is_INFO is_INVITE is_IPv4 is_IPv6 is_KDMQ is_MESSAGE is_NOTIFY is_OPTIONS is_POST
    is_PRACK is_PUBLISH is_PUT is_REFER is_REGISTER is_SCTP is_SUBSCRIBE is_TCP is_TLS is_UDP is_UPDATE is_WS is_WSS
    is_WSX is_dst_port is_method is_method_in is_myself is_myself_duri is_myself_furi is_myself_nhuri is_myself_ruri
    is_myself_srcip is_myself_suri is_myself_turi is_proto is_src_port isbflagset isbiflagset isdsturiset isflagset
    issflagset log notice resetbflag resetbiflag resetdsturi resetflag resetsflag route set_advertised_address
    set_advertised_port set_drop set_forward_close set_forward_no_connect set_reply_close set_reply_no_connect setbflag
    setbiflag setdsturi setflag sethost setsflag seturi setuser to_IPv4 to_IPv6 to_SCTP to_TCP to_TLS to_UDP to_WS
    to_WSS to_WSX warn
acc: acc_log_request acc_request
alias_db: lookup lookup_ex
async: get_data get_gname ms_route route task_data task_group_data task_group_route task_route
auth: auth_algorithm auth_challenge auth_get_www_authenticate consume_credentials has_credentials proxy_challenge
    pv_auth_check pv_proxy_authenticate pv_www_authenticate pv_www_authenticate_method www_challenge
auth_db: auth_check is_subscriber www_authenticate www_authenticate_method
auth_ephemeral: autheph_authenticate autheph_check autheph_proxy autheph_www autheph_www_method
auth_xkeys: auth_xkeys_add auth_xkeys_check
avpops: avp_check avp_copy
benchmark: bm_log_timer bm_start_timer
blst: blst_add blst_add_default blst_add_retry_after blst_clear_ignore blst_clear_ignore_all blst_del
    blst_is_blocklisted blst_rpl_clear_ignore blst_rpl_clear_ignore_all blst_rpl_set_ignore blst_rpl_set_ignore_all
    blst_set_ignore blst_set_ignore_all
call_control: call_control
call_obj: free get
cfgutils: check_route_exists core_hash rand_event rand_get_prob rand_reset_prob rand_set_prob route_if_exists sleep
    usleep
corex: append_branch append_branch_uri append_branch_uri_q forward_uac forward_uac_uri has_ruri_user has_user_agent
    is_faked_msg is_socket_name isxflagset resetxflag send_data sendx set_recv_socket set_recv_socket_name
    set_send_socket set_send_socket_name set_source_address setxflag via_add_srvid via_add_xavp_params
    via_reply_add_xavp_params via_use_xavp_fields
counters: add inc reset
crypto: aes_decrypt aes_encrypt hmac_sha256
dialog: dlg_bridge dlg_bye dlg_db_load_callid dlg_db_load_extra dlg_get dlg_get_var dlg_isflagset dlg_manage
    dlg_reset_property dlg_resetflag dlg_set_property dlg_set_state dlg_set_timeout dlg_set_timeout_id dlg_set_var
    dlg_setflag dlg_update_state get_profile_size get_profile_size_static is_in_profile is_in_profile_static
    is_known_dlg set_dlg_profile set_dlg_profile_static unset_dlg_profile unset_dlg_profile_static var_get var_gete
    var_getw var_is_null var_rm var_sets
dialplan: dp_match dp_replace dp_translate dp_translate_vars
dispatcher: ds_is_active ds_is_active_uri ds_is_from_list ds_is_from_list_mode ds_is_from_list_uri ds_is_from_lists
    ds_list_exists ds_load_unset ds_load_update ds_mark_dst ds_mark_dst_state ds_next_domain ds_next_dst ds_select
    ds_select_domain ds_select_domain_limit ds_select_dst ds_select_dst_limit ds_select_limit ds_select_routes
    ds_select_routes_limit ds_set_domain ds_set_dst
diversion: add_diversion add_diversion_uri
dlgs: dlgs_count dlgs_init dlgs_tags_add dlgs_tags_count dlgs_tags_rm dlgs_update
dmq: bcast_message handle_message handle_message_rc is_from_node process_message process_message_rc send_message
    t_replicate t_replicate_mode
domain: is_domain_local is_from_local is_uri_host_local lookup_domain lookup_domain_prefix
drouting: do_routing do_routing_furi goes_to_gw goes_to_gw_type is_from_gw is_from_gw_type is_from_gw_type_flags
    next_routing use_next_gw
enum: enum_i_query_suffix enum_pv_query enum_pv_query_suffix enum_pv_query_suffix_service enum_query enum_query_suffix
    enum_query_suffix_service i_enum_query i_enum_query_suffix_service is_from_user_enum is_from_user_enum_suffix
    is_from_user_enum_suffix_service
evapi: async_multicast async_relay async_unicast close relay relay_multicast relay_unicast set_tag
group: is_user_in
hdr: append append_after append_to_reply get get_idx gete gete_idx getw getw_idx insert insert_before is_present
    match_content remove rmappend rminsert
htable: sht_dec sht_get sht_gete sht_getw sht_inc sht_is_null sht_match_name sht_match_str_value sht_reset sht_rm
    sht_rm_name sht_rm_name_re sht_rm_value sht_rm_value_re sht_setex sht_seti sht_sets sht_setxi sht_setxs
http_client: curl_connect curl_connect_post get_hdrs query query_post query_post_hdrs
imc: imc_manager imc_room_active imc_room_member
ims_charging: Ro_CCR Ro_CCR_Stop Ro_set_session_id_avp
ipops: compare_ips compare_pure_ips detailed_ip_type detailed_ipv4_type detailed_ipv6_type dns_int_match_ip dns_query
    dns_set_local_ttl dns_sys_match_ip ip_is_in_subnet ip_type is_in_subnet is_ip is_ip4 is_ip6 is_ip6_reference
    is_ip_rfc1918 is_pure_ip naptr_query ptr_query srv_query
jansson: get
kex: resetdebug setdebug
kx: get_au get_body get_bodylen get_callid get_conid get_cturi get_def get_defn get_duri get_env get_envn get_fhost
    get_furi get_fuser get_method get_msgbuf get_msglen get_msgtype get_nhuri get_ouri get_proto get_protoid
    get_rcv_sock_name get_rcvaddr_sock get_rcvadvip get_rcvadvport get_rcvip get_rcvport get_rhost get_ruri get_ruser
    get_send_sock get_send_sock_name get_send_sock_port get_srcaddr_sock get_srcip get_srcport get_srcuri get_status
    get_thost get_timestamp get_turi get_tuser get_ua gete_au gete_body gete_cturi gete_duri gete_fhost gete_fuser
    gete_rhost gete_ruser gete_thost gete_tuser gete_ua gets_status getw_au getw_body getw_cturi getw_duri getw_fhost
    getw_fuser getw_rhost getw_ruser getw_thost getw_tuser getw_ua ifdef ifndef
lcr: from_any_gw from_any_gw_addr from_any_gw_addr_port from_gw from_gw_addr from_gw_addr_port to_any_gw to_any_gw_addr
    to_gw to_gw_addr
lwsc: lwsc_notify lwsc_notify_proto lwsc_request lwsc_request_proto
maxfwd: is_maxfwd_lt process_maxfwd
mediaproxy: end_media_session engage_media_proxy use_media_proxy
misc_radius: does_uri_exist does_uri_exist_uval does_uri_user_exist does_uri_user_exist_uval is_user_in load_callee_avps
    load_caller_avps
mqueue: mq_add mq_fetch mq_pv_free mq_size mqk_get mqk_gete mqk_getw mqv_get mqv_gete mqv_getw
msilo: mdump mdump_uri mstore mstore_addrs mstore_uri
msrp: cmap_lookup cmap_save forward is_reply is_request relay relay_flags reply reply_flags set_dst
mtree: mt_match
nat_traversal: client_nat_test fix_contact
nathelper: add_contact_alias add_contact_alias_addr add_rcv_param fix_nated_contact fix_nated_register fix_nated_sdp
    fix_nated_sdp_ip handle_ruri_alias handle_ruri_alias_mode is_rfc1918 nat_uac_test set_alias_to_pv set_contact_alias
    set_contact_alias_trim
ndb_redis: redis_cmd redis_cmd_p1 redis_cmd_p2 redis_cmd_p3 redis_free
path: add_path add_path_received add_path_received_user add_path_received_user_params add_path_user add_path_user_params
pdt: pd_translate pprefix2domain
permissions: allow_address allow_address_group allow_source_address allow_source_address_group allow_trusted
phonenum: match
pike: pike_check_ip pike_check_req
pipelimit: pl_active pl_check pl_check_limit pl_drop pl_drop_range pl_drop_retry
presence: handle_publish handle_publish_uri handle_subscribe handle_subscribe_uri pres_auth_status pres_has_subscribers
    pres_refresh_watchers pres_update_watchers
presence_xml: pres_check_activities pres_check_basic
pua: pua_set_publish pua_update_contact
pua_json: publish
pv: get gete geti getl getvn getvs getw is_null seti setl sets unset
pv_headers: pvh_append_header pvh_apply_headers pvh_check_header pvh_collect_headers pvh_header_param_exists
    pvh_modify_header pvh_remove_header pvh_remove_header_param pvh_reset_headers
pvx: avp_get avp_gete avp_getw avp_is_null avp_rm avp_seti avp_sets evalx pv_var_to_xavp pv_xavi_print pv_xavp_print
    pv_xavp_to_var pv_xavu_print sbranch_append sbranch_reset sbranch_set_ruri shv_get shv_seti shv_sets shvinc_get
    var_get var_seti var_sets xavi_child_get xavi_child_gete xavi_child_getw xavi_child_is_null xavi_child_rm
    xavi_child_seti xavi_child_sets xavi_get xavi_gete xavi_getw xavi_is_null xavi_rm xavi_seti xavi_sets xavp_child_get
    xavp_child_gete xavp_child_getw xavp_child_is_null xavp_child_rm xavp_child_seti xavp_child_sets xavp_copy
    xavp_copy_dst xavp_get xavp_gete xavp_getw xavp_is_null xavp_lshift xavp_params_explode xavp_params_implode
    xavp_params_implode_qval xavp_push_dst xavp_rm xavp_seti xavp_sets xavp_slist_explode xavp_xparams_explode
    xavu_child_get xavu_child_gete xavu_child_getw xavu_child_is_null xavu_child_rm xavu_child_seti xavu_child_sets
    xavu_get xavu_gete xavu_getw xavu_is_null xavu_params_implode xavu_rm xavu_seti xavu_sets
ratelimit: rl_check rl_check_pipe
regex: pcre_match pcre_match_group
registrar: add_sock_hdr lookup lookup_branches lookup_to_dset lookup_uri lookup_xavp reg_fetch_contacts
    reg_free_contacts reg_from_user reg_send_reply registered registered_action registered_flags registered_uri save
    save_uri set_q_override ulc_cget ulc_rget unregister unregister_ruid
rls: handle_notify handle_subscribe handle_subscribe_uri update_subs
rr: add_rr_param check_route_param is_direction loose_route loose_route_mode loose_route_preloaded next_hop_route
    record_route record_route_advertised_address record_route_params record_route_preset record_route_preset_one
    remove_record_route
rtjson: init_routes next_route push_routes update_branch
rtpengine: block_dtmf block_dtmf0 block_dtmf2 block_media block_media0 block_media2 play_media play_media2
    rtpengine_answer rtpengine_answer0 rtpengine_answer2 rtpengine_delete rtpengine_delete0 rtpengine_delete2
    rtpengine_manage rtpengine_manage0 rtpengine_manage2 rtpengine_offer rtpengine_offer0 rtpengine_offer2
    rtpengine_query rtpengine_query0 rtpengine_query2 rtpengine_query_v set_rtpengine_set set_rtpengine_set2
    silence_media silence_media0 silence_media2 start_recording stop_media stop_media0 stop_media2 stop_recording
    unblock_dtmf unblock_dtmf0 unblock_dtmf2 unblock_media unblock_media0 unblock_media2 unsilence_media
    unsilence_media0 unsilence_media2
rtpproxy: rtpproxy_answer rtpproxy_answer0 rtpproxy_answer_ip rtpproxy_destroy rtpproxy_destroy0 rtpproxy_manage
    rtpproxy_manage0 rtpproxy_manage_ip rtpproxy_offer rtpproxy_offer0 rtpproxy_offer_ip rtpproxy_stop_stream2uac
    rtpproxy_stop_stream2uas rtpproxy_stream2uac rtpproxy_stream2uas set_rtpproxy_set start_recording
sanity: sanity_check sanity_check_defaults sanity_reply
sca: call_info_update call_info_update_default call_info_update_mask call_info_update_turi handle_subscribe
sdpops: keep_codecs_by_id keep_codecs_by_name remove_codecs_by_id remove_codecs_by_name remove_line_by_prefix
    remove_media sdp_content sdp_content_flags sdp_get sdp_get_line_startswith sdp_iterator_append sdp_iterator_end
    sdp_iterator_insert sdp_iterator_next sdp_iterator_rm sdp_iterator_start sdp_iterator_value sdp_print sdp_transport
    sdp_with_active_media sdp_with_codecs_by_id sdp_with_codecs_by_name sdp_with_ice sdp_with_media sdp_with_transport
    sdp_with_transport_like
secfilter: secf_check_contact_hdr secf_check_country secf_check_dst secf_check_from_hdr secf_check_ip
    secf_check_sqli_all secf_check_to_hdr secf_check_ua secf_sqli_hdr
secsipid: secsipid_build_identity_prvkey secsipid_check_identity_pubkey secsipid_get_url secsipid_get_val
sipcapture: float2int report_capture report_capture_cid report_capture_data sip_capture sip_capture_forward
    sip_capture_mode sip_capture_table
sipdump: get_buf get_dst_ip get_src_ip get_tag send
sipjson: sj_serialize
siptrace: sip_trace sip_trace_dst sip_trace_dst_cid sip_trace_dst_cid_type sip_trace_mode sip_trace_msg
siputils: add_uri_param cmp_aor cmp_hdr_name cmp_uri contact_param_check contact_param_decode contact_param_decode_ruri
    contact_param_encode contact_param_rm decode_contact decode_contact_header encode_contact has_totag hdr_date_check
    is_alphanum is_alphanumex is_first_hop is_first_hop_mode is_gruu is_http is_numeric is_reply is_request is_sip
    is_tel_number is_uri is_user options_reply sip_parse_headers uri_param uri_param_any uri_param_rm uri_param_value
sl: send_reply send_reply_error send_reply_mode sl_forward_reply sl_reply_error sl_send_reply
slack: slack_send
speeddial: lookup lookup_owner
sqlops: sql_is_null sql_num_columns sql_num_rows sql_pvquery sql_query sql_query_async sql_result_free sql_result_get
    sql_result_gete sql_result_getz sql_xquery
ss7ops: isup_to_json
sst: sst_check_min
statistics: reset_stat update_stat
statsc: statsc_reset
statsd: statsd_decr statsd_gauge statsd_histogram statsd_incr statsd_labels_gauge statsd_labels_histogram
    statsd_labels_set statsd_set statsd_start
sworker: active task
tcpops: tcp_close_connection tcp_close_connection_id tcp_conid_alive tcp_conid_state tcp_enable_closed_event
    tcp_enable_closed_event_cid tcp_keepalive_disable tcp_keepalive_disable_cid tcp_keepalive_enable
    tcp_keepalive_enable_cid tcp_set_connection_lifetime tcp_set_connection_lifetime_cid tcp_set_otcpid
    tcp_set_otcpid_flag
textops: append_body_part append_body_part_cd append_body_part_hex append_body_part_hex_cd cmp_istr cmp_str ends_with
    filter_body get_body_part get_body_part_raw has_body has_body_type in_list in_list_prefix is_audio_on_hold
    is_present_hf is_present_hf_re is_privacy regex_substring remove_body_part remove_hf remove_hf_exp remove_hf_idx
    remove_hf_match remove_hf_re replace replace_all replace_body replace_body_all replace_body_atonce replace_body_str
    replace_hdrs replace_hdrs_str replace_str search search_append search_append_body search_body search_hf search_str
    set_body set_body_multipart_mode set_reply_body starts_with str_any_in str_find str_ifind subst subst_body subst_hf
    subst_uri subst_user subst_v
textopsx: append_hf_value assign_hf_value assign_hf_value2 bl_iterator_append bl_iterator_end bl_iterator_insert
    bl_iterator_next bl_iterator_rm bl_iterator_start bl_iterator_value change_reply_status change_reply_status_code
    exclude_hf_value fnmatch fnmatch_ex hf_iterator_append hf_iterator_end hf_iterator_hbody hf_iterator_hname
    hf_iterator_insert hf_iterator_next hf_iterator_prev hf_iterator_rm hf_iterator_start hf_value_exists
    include_hf_value insert_hf_value keep_hf keep_hf_re msg_apply_changes msg_set_buffer remove_body remove_hf_value
    remove_hf_value2
timer: timer_enable
tm: ki_t_load_contacts_mode t_any_replied t_any_timeout t_branch_replied t_branch_timeout t_check_status t_check_trans
    t_clean t_drop_replies t_drop_replies_all t_exists t_get_branch_index t_get_status_code t_grep_status t_is_canceled
    t_is_expired t_is_retr_async_reply t_is_set t_load_contacts t_lookup_cancel t_lookup_cancel_flags t_lookup_request
    t_newtran t_next_contact_flow t_next_contacts t_on_branch t_on_branch_failure t_on_failure t_on_reply t_relay
    t_relay_to_flags t_relay_to_proto t_relay_to_proto_addr t_relay_to_proxy t_relay_to_proxy_flags t_release
    t_replicate t_reply t_reply_error t_reset_fr t_reset_max_lifetime t_reset_retr t_retransmit_reply t_save_lumps
    t_send_reply t_set_auto_inv_100 t_set_disable_6xx t_set_disable_failover t_set_disable_internal_reply t_set_fr
    t_set_fr_inv t_set_max_lifetime t_set_no_e2e_cancel_reason t_set_retr t_uac_send t_use_uac_headers
tmrec: is_leap_year is_leap_year_now match match_timestamp time_period_match time_period_match_timestamp
tmx: t_cancel_branches t_cancel_callid t_cancel_callid_reason t_continue t_drop t_drop_rcode t_flush_flags
    t_flush_xflags t_is_branch_route t_is_failure_route t_is_reply_route t_is_request_route t_precheck_trans
    t_reply_callid t_reuse_branch t_suspend
topos: tps_set_context
tsilo: ts_append ts_append_by_contact ts_append_by_contact_uri ts_append_to ts_append_to_uri ts_store ts_store_uri
uac: uac_auth uac_auth_mode uac_reg_disable uac_reg_enable uac_reg_lookup uac_reg_lookup_uri uac_reg_refresh
    uac_reg_request_to uac_reg_status uac_replace_from uac_replace_from_uri uac_replace_to uac_replace_to_uri
    uac_req_send uac_restore_from uac_restore_to
uac_redirect: get_redirects get_redirects_acc get_redirects_all
uri_db: check_from check_to check_uri check_uri_realm does_uri_exist
userblocklist: check_allowlist check_blocklist check_global_blocklist check_user_allowlist check_user_allowlist_number
    check_user_allowlist_table check_user_blocklist check_user_blocklist_number check_user_blocklist_table
utils: xcap_auth_status
uuid: get rget tget
websocket: close close_conid close_reason handle_handshake
xcap_server: xcaps_del xcaps_get xcaps_put
xhttp: get_hu xhttp_reply
xhttp_prom: check_uri counter_inc_l0 counter_inc_l1 counter_inc_l2 counter_inc_l3 counter_reset_l0 counter_reset_l1
    counter_reset_l2 counter_reset_l3 dispatch gauge_reset_l0 gauge_reset_l1 gauge_reset_l2 gauge_reset_l3 gauge_set_l0
    gauge_set_l1 gauge_set_l2 gauge_set_l3 histogram_observe_l0 histogram_observe_l1 histogram_observe_l2
    histogram_observe_l3
xlog: xalert xcrit xdbg xerr xinfo xlog xlog_facility xnotice xwarn
"""


def _rows(table: str) -> Iterator[tuple[str, list[str]]]:
    for row in re.split(r"\n(?! )", table.strip()):
        title, _, names = row.partition(": ")
        yield " ".join(title.split()), names.split()


REFUSED = {name: reason for reason, names in _rows(_REFUSED) for name in names}
"""A function, and why it is refused unless the setting ``ksr_allow`` names it."""
ALLOWED = frozenset(
    name if module == "KSR" else f"{module}.{name}" for module, names in _rows(_ALLOWED) for name in names
)
"""What may be called; without a module what stands directly under ``KSR``."""
_NEVER = "x.modf"


def refusal(function: str, allowed: frozenset[str] = frozenset()) -> str | None:
    """
    Why a function is refused, as a sentence; None when it may be called.

    Args:
        function: Its module, a dot and its name; the name alone for what stands directly under ``KSR``.
        allowed: The setting ``ksr_allow``.
    """
    if function in ALLOWED:
        return None
    reason = REFUSED.get(function)
    if reason is None:
        return f"KSR.{function} is refused: it is not known here what it may do to the server"
    if function == _NEVER:
        return f"KSR.{function} is refused: {reason}"
    if function in allowed or f"{_module(function)}.*" in allowed:
        return None
    return f"KSR.{function} is refused: {reason}; the setting ksr_allow can allow it"


def fault_of(entry: str) -> str | None:
    """What is wrong with an entry of the setting ``ksr_allow``; None for nothing."""
    refused = set(REFUSED) | {f"{_module(name)}.*" for name in REFUSED}
    if _module(entry) == _module(_NEVER):
        return f"{entry!r} cannot be allowed: {REFUSED[_NEVER]}"
    if entry in refused:
        return None
    if entry in ALLOWED:
        return f"{entry!r} is allowed already"
    near = difflib.get_close_matches(entry, refused, n=1)
    return f"{entry!r} is no function that is refused" + (f"; did you mean {near[0]!r}?" if near else "")


def _module(function: str) -> str:
    return function.rpartition(".")[0]
