"""The messages of RFC 4475, as a parser meets them."""

from __future__ import annotations

SDP = b"v=0\r\no=mhandley 29739 7272939 IN IP4 192.0.2.3\r\ns=-\r\nc=IN IP4 192.0.2.4\r\nt=0 0\r\nm=audio 49217 RTP/AVP 0 12\r\n"
SDP += b"m=video 3227 RTP/AVP 31\r\na=rtpmap:31 LPC\r\n"


def message(text: str, body: bytes = b"") -> bytes:
    """Lines of a head, as the RFC prints them, and a body."""
    return text.strip("\n").replace("\n", "\r\n").encode("latin-1") + b"\r\n\r\n" + body


def request(
    line: str, call_id: str, *more: str, via: str = "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKkdjuw", body: bytes = b""
) -> bytes:
    """A request with the usual headers, and what makes it special in ``more``, which replaces a header of its name."""
    method = line.split(" ", maxsplit=1)[0]
    usual = {
        "Via": f"Via: {via}",
        "Max-Forwards": "Max-Forwards: 70",
        "To": "To: sip:j.user@example.com",
        "From": "From: sip:caller@example.net;tag=1234",
        "Call-ID": f"Call-ID: {call_id}",
        "CSeq": f"CSeq: 8 {method}",
    }
    special = [header for header in more if header]
    for header in special:
        usual.pop(header.partition(":")[0].strip(), None)
    length = (
        []
        if any(header.lower().startswith(("content-length", "l:")) for header in special)
        else [f"Content-Length: {len(body)}"]
    )
    return message("\n".join([line, *usual.values(), *special, *length]), body)


WSINV = message(
    """
INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0
TO :
 sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n
from   : "J Rosenberg \\\\\\""       <sip:jdrosen@example.com>
  ;
  tag = 98asjd8
MaX-fOrWaRdS: 0068
Call-ID: wsinv.ndaksdj@192.0.2.1
Content-Length   : 150
cseq: 0009
  INVITE
Via  : SIP  /   2.0
 /UDP
    192.0.2.2;branch=390skdjuw
s :
NewFangledHeader:   newfangled value
 continued newfangled value
UnknownHeaderWithUnusualValue: ;;,,;;,;
Content-Type: application/sdp
Route:
 <sip:services.example.com;lr;unknownwith=value;unknown-no-value>
v:  SIP  / 2.0  / TCP     spindle.example.com   ;
  branch  =   z9hG4bK9ikj8  ,
 SIP  /    2.0   / UDP  192.168.255.111   ; branch=
 z9hG4bK30239
m:"Quoted string \\"\\"" <sip:jdrosen@example.com> ; newparam =
      newvalue ;
  secondparam ; q = 0.33
""",
    SDP,
)
INTMETH = message(
    """
!interesting-Method0123456789_*+`.%indeed'~ sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com SIP/2.0
Via: SIP/2.0/TCP host1.example.com;branch=z9hG4bK-.!%66*_+`'~
To: "BEL:\\\x07 NUL:\\\x00 DEL:\\\x7f" <sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*@example.com>
From: token1~` token2'+_ token3*%!.- <sip:mundane@example.com>;fromParam''~+*_!.-%="\xd1\x80\xd0\xb0\xd0\xb1\xd0\xbe\xd1\x82\xd0\xb0\xd1\x8e\xd1\x89\xd0\xb8\xd0\xb9";tag=_token~1'+`*%!-.
Call-ID: intmeth.word%ZK-!.*_+'@word`~)(><:\\/"][?}{
CSeq: 139122385 !interesting-Method0123456789_*+`.%indeed'~
Max-Forwards: 255
extensionHeader-!.%*+_`'~:\xef\xbb\xbf\xe5\xa4\xa7\xe5\x81\x9c\xe9\x9b\xbb
Content-Length: 0
"""
)
LONG = "long" * 64
LONGREQ = message(
    f"""
INVITE sip:user@example.com SIP/2.0
To: "I have a user name of {"extreme" * 40} proportion" <sip:user@example.com:6000;unknownparam1={"very" * 20}{LONG}value;longparam{"name" * 25}=shortvalue;very{LONG}ParameterNameWithNoValue>
F: sip:amazinglylongcallername{LONG}@example.net;tag=12{"982" * 50}424;unknownheaderparam{"name" * 20}=unknowheaderparam{"value" * 15};unknownValueless{"paramname" * 10}
Call-ID: longreq.one{"really" * 20}{LONG}callid
CSeq: 3882340 INVITE
Unknown-{LONG}-Name: unknown-{LONG}-value; unknown-{LONG}-parameter-name = unknown-{LONG}-parameter-value
Via: SIP/2.0/TCP sip33.example.com
v: SIP/2.0/TCP sip32.example.com
V: SIP/2.0/TCP sip31.example.com
Via: SIP/2.0/TCP very{LONG}hosttest1.example.com;branch=very{LONG}branchvalue
Max-Forwards: 70
Contact: <sip:amazinglylongcallername{LONG}@host5.example.net>
Content-Type: application/sdp
l: {len(SDP)}
""",
    SDP,
)
DBLREQ = request(
    "REGISTER sip:example.com SIP/2.0", "dblreq.0ha0isndaksdj99sdfafnl3lk233412", "Content-Length: 8"
) + request("INVITE sip:joe@example.com SIP/2.0", "dblreq.0ha0isnda977644900765@192.0.2.15", body=SDP)
MPART = (
    b"--7a9cbec02ceef655\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: binary\r\n\r\nHello\r\n"
    b"--7a9cbec02ceef655\r\nContent-Type: application/octet-stream\r\n\r\n\x30\x82\x01\x52\x00\xff\xfe\x00\r\n--7a9cbec02ceef655--\r\n"
)

GOOD = {
    "wsinv": WSINV,
    # Kamailio takes no fold inside a CSeq; in one line, the rest of the message can be looked at.
    "wsinv-with-a-cseq-in-one-line": WSINV.replace(b"0009\r\n  INVITE", b"0009 INVITE"),
    "trws": request("OPTIONS sip:remote-target@example.com SIP/2.0  ", "trws.oicu34958239neffasdhr2345r"),
    "badvers": request("OPTIONS sip:t.watson@example.org SIP/7.0", "badvers.31417@c.example.com"),
    "intmeth": INTMETH,
    "esc01": request(
        "INVITE sip:sips%3Auser%40example.com@example.net SIP/2.0",
        "esc01.239409asdfakjkn23onasd0-3234",
        "Contact: <sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31>",
        body=SDP,
    ),
    "escnull": request(
        "REGISTER sip:example.com SIP/2.0",
        "escnull.39203ndfvkjdasfkq3w4otrq0adsfdfnavd",
        "To: sip:null-%00-null@example.com",
        "From: sip:null-%00-null@example.com;tag=839923423",
        "Contact: <sip:%00@host5.example.com>",
        "Contact: <sip:%00%00@host5.example.com>",
    ),
    "esc02": request(
        "RE%47IST%45R sip:registrar.example.com SIP/2.0",
        "esc02.asdfnqwo34rq23i34jrjasdcnl23nrlknsdf",
        'To: "%Z%45" <sip:resource@example.com>',
        "Contact: <sip:alias1@host1.example.com>",
        "C%6Fntact: <sip:alias2@host2.example.com>",
    ),
    "lwsdisp": request(
        "OPTIONS sip:user@example.com SIP/2.0",
        "lwsdisp.1234abcd@funky.example.com",
        "From: caller<sip:caller@example.com>;tag=323",
    ),
    "longreq": LONGREQ,
    "dblreq": DBLREQ,
    "semiuri": request("OPTIONS sip:user;par=u%40example.net@example.com SIP/2.0", "semiuri.0ha0isndaksdj"),
    "transports": request(
        "OPTIONS sip:user@example.com SIP/2.0",
        "transports.kijh4akdnaqjkwendsasfdj",
        "Via: SIP/2.0/TLS t2.example.com;branch=z9hG4bK39",
        "Via: SIP/2.0/SCTP t3.example.com;branch=z9hG4bK40",
        "Via: SIP/2.0/UNKNOWN t4.example.com;branch=z9hG4bK41",
    ),
    "mpart01": request(
        "MESSAGE sip:kumiko@example.org SIP/2.0",
        "3d9485ad-0c49-4c2a",
        'Content-Type: multipart/mixed;boundary="7a9cbec02ceef655"',
        body=MPART,
    ),
    "unreason": message(
        "SIP/2.0 200 = 2**3 * 5**2 \xd0\xbd\xd0\xbe \xd1\x81\xd1\x82\xd0\xbe\nVia: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1324923\n"
        "Call-ID: unreason.1234ksdfak3j2erwedfsASdf\nCSeq: 35 INVITE\nFrom: sip:user@example.com;tag=11141343\n"
        "To: sip:user@example.edu;tag=2229\nContent-Length: 0"
    ),
    "noreason": message(
        "SIP/2.0 100 \nVia: SIP/2.0/UDP 192.0.2.105;branch=z9hG4bK2398ndaoe\nCall-ID: noreason.asndj203insdf99223ndf\n"
        "CSeq: 35 INVITE\nFrom: <sip:user@example.com>;tag=39ansfi3\nTo: <sip:user@example.edu>;tag=902jndnke3\nContent-Length: 0"
    ),
    # Valid syntax, odd meaning: 3.2 to 3.4.
    "badbranch": request(
        "OPTIONS sip:user@example.com SIP/2.0",
        "badbranch.sadonfo23i420jv0as0derf3j3n",
        via="SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK",
    ),
    "insuf": message(
        "INVITE sip:user@example.com SIP/2.0\nCSeq: 193942 INVITE\nVia: SIP/2.0/UDP 192.0.2.95;branch=z9hG4bKkdj.insuf\n"
        "Content-Type: application/sdp\nl: 152",
        SDP,
    ),
    "unkscm": request(
        "OPTIONS nobodyKnowsThisScheme:totallyopaquecontent SIP/2.0", "unkscm.nasdfasser0q239nwsdfasdkl34"
    ),
    "novelsc": request("OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0", "novelsc.asdfasser0q239nwsdfasdkl34"),
    "unksm2": request(
        "REGISTER sip:example.com SIP/2.0", "unksm2.daksdj@hyphenated-host.example.com", "To: isbn:2983792873"
    ),
    "bext01": request(
        "OPTIONS sip:user@example.com SIP/2.0",
        "bext01.0ha0isndaksdj",
        "Require: nothingSupportsThis, nothingSupportsThisEither",
    ),
    "invut": request(
        "INVITE sip:user@example.com SIP/2.0",
        "invut.0ha0isndaksdjadsfij34n23d",
        "Content-Type: application/unknownformat",
        body=b"<audio>\r\n",
    ),
    "regaut01": request(
        "REGISTER sip:example.com SIP/2.0",
        "regaut01.0ha0isndaksdj",
        "Authorization: NoOneKnowsThisScheme opaque-data=here",
    ),
    "multi01": request(
        "INVITE sip:user@company.com SIP/2.0",
        "multi01.98asdh@192.0.2.1",
        "Call-ID: multi01.98asdh@192.0.2.2",
        "CSeq: 59 INVITE",
        "From: sip:caller@example.net;tag=3413415",
        "To: sip:user@example.com",
        "To: sip:other@example.net",
    ),
    "mcl01": request(
        "OPTIONS sip:user@example.com SIP/2.0",
        "mcl01.fhn2323orihawfdoa3o4r52o3irsdf",
        "Content-Length: 13",
        "Content-Length: 5",
        body=b"There's no way to know how many octets are supposed to be here.\r\n",
    ),
    "bcast": message(
        "SIP/2.0 200 OK\nVia: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1324923\nVia: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1saber23\n"
        "Call-ID: bcast.0384840201234ksdfak3j2erwedfsASdf\nCSeq: 35 INVITE\nFrom: sip:user@example.com;tag=11141343\n"
        "To: sip:user@example.edu;tag=2229\nContent-Length: 0"
    ),
    "zeromf": request("OPTIONS sip:user@example.com SIP/2.0", "zeromf.jfasdlfnm2o2l43r5u0asdfas", "Max-Forwards: 0"),
    "cparam01": request(
        "REGISTER sip:example.com SIP/2.0",
        "cparam01.70710@saturn.example.com",
        "Contact: sip:+19725552222@gw1.example.net;unknownparam",
    ),
    "cparam02": request(
        "REGISTER sip:example.com SIP/2.0",
        "cparam02.70710@saturn.example.com",
        "Contact: <sip:+19725552222@gw1.example.net;unknownparam>",
    ),
    "regescrt": request(
        "REGISTER sip:example.com SIP/2.0",
        "regescrt.k345asrl3fdbv@192.0.2.1",
        "Contact: <sip:user@example.com?Route=%3Csip:sip.example.com%3E>",
    ),
    "sdp01": request(
        "INVITE sip:user@example.com SIP/2.0", "sdp01.ndaksdj9342dasdd", "Accept: text/nobodyKnowsThis", body=SDP
    ),
    "inv2543": message(
        "INVITE sip:UserB@example.com SIP/2.0\nVia: SIP/2.0/UDP iftgw.example.com\nFrom: <sip:+13035551111@ift.client.example.net;user=phone>\n"
        "Record-Route: <sip:UserB@example.com;maddr=ss1.example.com>\nTo: sip:+16505552222@ss1.example.net;user=phone\n"
        "Call-ID: inv2543.1717@ift.client.example.com\nCSeq: 56 INVITE\nContent-Type: application/sdp",
        SDP,
    ),
    # Bad syntax that Kamailio's parser of the head does not look at: 3.1.2.
    "badinv01": request(
        "INVITE sip:user@example.com SIP/2.0",
        "badinv01.0ha0isndaksdjasdf3234nas",
        'Contact: "Joe" <sip:joe@example.org>;;;;',
        body=SDP,
    ),
    "clerr": request(
        "INVITE sip:user@example.com SIP/2.0", "clerr.0ha0isndaksdjweiafasdk3", "Content-Length: 9999", body=SDP
    ),
    "ncl": request(
        "INVITE sip:user@example.com SIP/2.0", "ncl.0ha0isndaksdj2193423r542w35", "Content-Length: -999", body=SDP
    ),
    "scalar02": request(
        "REGISTER sip:example.com SIP/2.0",
        "scalar02.23o0pd9vanlq3wnrlnewofjas9ui32",
        "Max-Forwards: 300",
        "CSeq: 36893488147419103232 REGISTER",
        "Expires: 1" + "0" * 150,
        "Contact: <sip:user@host129.example.com>;expires=280297596632815",
    ),
    "scalarlg": message(
        "SIP/2.0 503 Service Unavailable\nVia: SIP/2.0/TCP host129.example.com;branch=z9hG4bKzzxdiwo34sw;received=192.0.2.129\n"
        "To: <sip:user@example.com>\nFrom: <sip:other@example.net>;tag=2easdjfejw\nCSeq: 9292394834772304023312 OPTIONS\n"
        "Call-ID: scalarlg.noase0of0234hn2qofoaf0232aewf2394r\nRetry-After: 949302838503028349304023988\n"
        'Warning: 1812 overture "In Progress"\nContent-Length: 0'
    ),
    "quotbal": request(
        "INVITE sip:user@example.com SIP/2.0", "quotbal.aksdj", 'To: "Mr. J. User <sip:j.user@example.com>', body=SDP
    ),
    "lwsruri0": request(
        "INVITE sip:user@example.com SIP/2.0",
        "lwsruri.asdfasdoeoi2323-asdfwrn23-asd834rk423",
        "Contact: <sip:caller@host5.example.net>",
        body=SDP,
    ),
    "baddate": request(
        "INVITE sip:user@example.com SIP/2.0",
        "baddate.239423mnsadf3j23lj42--sedfnm234",
        "Date: Fri, 01 Jan 2010 16:00:00 EST",
        body=SDP,
    ),
    "regbadct": request(
        "REGISTER sip:example.com SIP/2.0",
        "regbadct.k345asrl3fdbv@10.0.0.1",
        "Contact: sip:user@example.com?Route=%3Csip:sip.example.com%3E",
    ),
    "badaspec": request(
        "OPTIONS sip:user@example.org SIP/2.0",
        "badaspec.sdf0234n2nds0a099u23h3hnnw009cdkne3",
        'To: "Watson, Thomas" < sip:t.watson@example.org >',
        'From: "Bell, Alexander" <sip:a.g.bell@example.com>;tag=43',
    ),
    "baddn": request(
        "OPTIONS sip:t.watson@example.org SIP/2.0",
        "baddn.31415@c.example.com",
        "From: Bell, Alexander <sip:a.g.bell@example.com>;tag=43",
    ),
    "mismatch01": request("OPTIONS sip:user@example.com SIP/2.0", "mismatch01.dj0234sxdfl3", "CSeq: 8 INVITE"),
    "mismatch02": request("NEWMETHOD sip:user@example.com SIP/2.0", "mismatch02.dj0234sxdfl3", "CSeq: 8 INVITE"),
    "bigcode0": message(
        "SIP/2.0 999 better not break the receiver\nVia: SIP/2.0/UDP 192.0.2.105;branch=z9hG4bK2398ndaoe\nCall-ID: bigcode.asdof3uj203asdnf3429uasdhfas3ehjasdfas9i\n"
        "CSeq: 353494 INVITE\nFrom: <sip:user@example.com>;tag=39ansfi3\nTo: <sip:user@example.edu>;tag=902jndnke3\nContent-Length: 0"
    ),
}

# The first line is none: line and column of the fault.
BAD = {
    "ltgtruri-two-blanks": (request("INVITE  sip:user@example.com SIP/2.0", "lwsruri"), (1, 8)),
    "lwsruri": (request("INVITE sip:user@example.com; lr SIP/2.0", "lwsruri.asdf"), (1, 30)),
    "lwsstart": (
        request("INVITE  sip:user@example.com  SIP/2.0", "lwsstart.dfknq234oi243099adsdfnawe3@example.com"),
        (1, 8),
    ),
    "bigcode": (
        message(
            "SIP/2.0 4294967301 better not break the receiver\nCall-ID: bigcode.asdof3uj203asdnf3429uasdhfas3ehjasdfas9i"
        ),
        (1, 9),
    ),
    "test-with-no-end": (b"INVITE sip:user@example.com SIP/2.0", (1, 36)),
}
