"""x"""
from pathlib import Path
RECORDED = Path(__file__).parent.parent / "tests" / "runtimes" / "shelf.json"
def page() -> str: return ""
