"""The settings that can change while Kamailio runs, for ``$ccp`` and ``$sel(cfg_get...)``: here they never do."""

from __future__ import annotations

SETTINGS: dict[bytes, dict[bytes, bytes | None]] = {
    b"core": {
        b"debug": b"-1",
        b"memdbg": b"4",
        b"dst_blocklist_expire": b"60",
        b"dst_blocklist_udp_imask": b"0",
        b"dst_blocklist_tcp_imask": b"0",
        b"dst_blocklist_tls_imask": b"0",
        b"dst_blocklist_sctp_imask": b"0",
        b"dns_try_naptr": b"0",
        b"dns_udp_pref": b"30",
        b"dns_tcp_pref": b"20",
        b"dns_tls_pref": b"10",
        b"dns_sctp_pref": b"20",
        b"dns_retr_time": b"-1",
        b"dns_slow_query_ms": b"0",
        b"dns_retr_no": b"-1",
        b"dns_servers_no": b"-1",
        b"dns_use_search_list": b"1",
        b"dns_search_full_match": b"1",
        b"dns_naptr_ignore_rfc": b"1",
        b"dns_cache_flags": b"0",
        b"dns_srv_lb": b"0",
        b"dns_cache_negative_ttl": b"60",
        b"dns_cache_min_ttl": b"0",
        b"dns_cache_max_ttl": b"-1",
        b"dns_cache_del_nonexp": b"0",
        b"dns_cache_rec_pref": b"0",
        b"mem_dump_pkg": b"0",
        b"max_while_loops": b"100",
        b"udp_mtu": b"0",
        b"udp_mtu_try_proto": b"0",
        b"udp4_raw_mtu": b"1500",
        b"force_rport": b"0",
        b"memlog": b"4",
        b"mem_summary": b"12",
        b"mem_safety": b"1",
        b"mem_join": b"1",
        b"mem_status_mode": b"0",
        b"sip_parser_log_oneline": b"0",
        b"sip_parser_log": b"-1",
        b"corelog": b"-1",
        b"latency_cfg_log": b"3",
        b"latency_log": b"-1",
        b"latency_limit_db": b"0",
        b"latency_limit_action": b"0",
        b"latency_limit_cfg": b"0",
        b"pv_cache_limit": b"2048",
        b"pv_cache_action": b"0",
        **dict.fromkeys(
            (
                b"dns_reinit dns_cache_mem dns_try_ipv6 dst_blocklist_mem mem_dump_shm udp4_raw "
                b"udp4_raw_ttl use_dns_cache use_dns_failover use_dst_blocklist"
            ).split()
        ),
    },
    b"tcp": {
        b"no_connect": b"0",
        b"fd_cache": b"1",
        b"async": b"1",
        b"connect_wait": b"1",
        b"conn_wq_max": b"32768",
        b"wq_max": b"10485760",
        b"defer_accept": b"0",
        b"delayed_ack": b"1",
        b"syncnt": b"0",
        b"linger2": b"0",
        b"keepalive": b"1",
        b"keepidle": b"0",
        b"keepintvl": b"0",
        b"keepcnt": b"0",
        b"crlf_ping": b"1",
        b"accept_aliases": b"0",
        b"alias_flags": b"1",
        b"new_conn_alias_flags": b"2",
        b"accept_no_cl": b"0",
        b"reuse_port": b"0",
        b"wait_data_ms": b"5000",
        b"rd_buf_size": b"16384",
        b"wq_blk_size": b"2100",
        **dict.fromkeys(
            b"connect_timeout connection_lifetime max_connections max_tls_connections send_timeout".split()
        ),
    },
    b"tm": {
        b"auto_inv_100_reason": b"trying -- your call is important to us",
        b"default_reason": b"Server Internal Error",
        b"ac_extra_hdrs": b"",
        b"ruri_matching": b"1",
        b"via1_matching": b"1",
        b"callid_matching": b"0",
        b"callid_cseq_matching": b"0",
        b"fr_inv_timer_next": b"30000",
        b"noisy_ctimer": b"1",
        b"auto_inv_100": b"1",
        b"unix_tx_timeout": b"500",
        b"restart_fr_on_each_reply": b"1",
        b"pass_provisional_replies": b"0",
        b"aggregate_challenges": b"1",
        b"unmatched_cancel": b"0",
        b"default_code": b"500",
        b"reparse_invite": b"1",
        b"blst_503": b"0",
        b"blst_503_def_timeout": b"0",
        b"blst_503_min_timeout": b"0",
        b"blst_503_max_timeout": b"3600",
        b"blst_methods_add": b"1",
        b"blst_methods_lookup": b"-9",
        b"disable_6xx_block": b"0",
        b"local_ack_mode": b"0",
        b"local_cancel_reason": b"1",
        b"e2e_cancel_reason": b"1",
        b"relay_100": b"0",
        b"enable_uac_fr": b"0",
        **dict.fromkeys(
            (
                b"cancel_b_method fr_inv_timer fr_timer max_inv_lifetime max_noninv_lifetime "
                b"reparse_on_dns_failover retr_timer1 retr_timer2 wt_timer"
            ).split()
        ),
    },
    b"maxfwd": {
        b"max_limit": b"70",
    },
    b"xlog": {
        b"methods_filter": b"-1",
    },
}
"""
Groups and their settings, with Kamailio's own values but for ``debug``, which is as quiet as this host.

Those that Kamailio checks on every change cannot be read, and are None (``on_change_cb``).
"""
