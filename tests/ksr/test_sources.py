"""How the tables of KEMI are read from Kamailio's C."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.ksr.sources import functions

if TYPE_CHECKING:
    from pathlib import Path

TABLE = """
static int ki_{name}(sip_msg_t *msg, str *_vuser, int pmode)
{{
}}
/* static sr_kemi_t old[] = {{ {{ str_init("a"), str_init("gone"), SR_KEMIP_INT, ki_gone, {{ SR_KEMIP_NONE }} }} }}; */
static sr_kemi_t exports[] = {{
	{{ str_init("{module}"), str_init("{name}"),
		SR_KEMIP_INT, ki_{name},
		{{ SR_KEMIP_STR, SR_KEMIP_INT, SR_KEMIP_NONE,
			SR_KEMIP_NONE, SR_KEMIP_NONE, SR_KEMIP_NONE }}
	}},
	{{ str_init("{module}"), str_init("elsewhere"),
		SR_KEMIP_XVAL, w_elsewhere,
		{{ SR_KEMIP_STR, SR_KEMIP_NONE, SR_KEMIP_NONE,
			SR_KEMIP_NONE, SR_KEMIP_NONE, SR_KEMIP_NONE }}
	}},
	{{ {{0, 0}}, {{0, 0}}, 0, NULL, {{ 0, 0, 0, 0, 0, 0 }} }}
}};
"""


def written(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def test_a_row_is_a_function_with_the_names_that_the_c_has_for_its_parameters(tmp_path: Path) -> None:
    written(tmp_path / "src/modules/tm/tm.c", TABLE.format(module="tm", name="t_do"))
    written(tmp_path / "src/modules/tm/other.c", "sr_kemi_xval_t *w_elsewhere(sip_msg_t *msg, str *what) { }")
    written(tmp_path / "src/core/kemi.c", TABLE.format(module="", name="info"))

    assert [str(each) for each in functions(tmp_path)] == [
        "xval elsewhere(str p1)",
        "int info(str vuser, int pmode)",
        "xval tm.elsewhere(str what)  tm.so",
        "int tm.t_do(str vuser, int pmode)  tm.so",
    ]


def test_a_function_of_two_modules_is_there_once_with_both(tmp_path: Path) -> None:
    for name in ("tls", "tls_wolfssl"):
        written(tmp_path / f"src/modules/{name}/mod.c", TABLE.format(module="tls", name="cget"))

    assert [each.files for each in functions(tmp_path)] == [("tls.so", "tls_wolfssl.so")] * 2
