"""Serve: try a package at once, on loopback, marked as unapproved."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shipworthy.app.plan_file import write_plan
from shipworthy.core.config import HOME, read_config
from shipworthy.core.plan import Plan, Role, Variant
from shipworthy.packaging.package import open_package
from shipworthy.serving.launch import Running, launch

__all__ = ["serve"]


@contextmanager
def serve(
    package: Path, *, name: str | None = None, port: int | None = None, folder: Path | None = None
) -> Iterator[Running]:
    """Serve a package while the block lasts; its records are kept like any other and carry no approval.

    Args:
        package: Folder of the package, judged or not.
        name: Name of the endpoint; that of the package's project if None.
        port: TCP port; that of the settings (``PORT`` or 8080) if None; 0 lets the system choose.
        folder: Where ``.shipworthy/tries`` is made; the current folder if None.

    Raises:
        InvalidPackage: If it is damaged or altered.
        InvalidConfig: If the port is in use.
    """
    opened = open_package(package)
    endpoint = name or str(opened.origin["project"])
    base = folder or Path.cwd()
    config = read_config(base, flags={"endpoint_port": port})
    home = base / HOME / "tries" / endpoint
    packages = home / "packages"
    packages.mkdir(parents=True, exist_ok=True)
    link = packages / opened.digest
    if not link.exists():
        link.symlink_to(package.absolute(), target_is_directory=True)
    variant = Variant(name="unapproved", role=Role.CHAMPION, package=opened.digest, weight=1.0)
    fallback = opened.baseline is not None
    write_plan(home, Plan(endpoint=endpoint, number=1, variants=(variant,), fallback=fallback, approved=False))
    with launch(home, (endpoint,), port=config.endpoint_port) as running:
        yield running
