from tests.compilers.fetched import compilers

__all__ = ["compilers"]
