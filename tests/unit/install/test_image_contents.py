"""What of Debian's packages stands in the image: decided on packages made here."""

from __future__ import annotations

import struct

import pytest

from pylb.install.image import contents
from pylb.install.image.contents import ContentsFault, Package
from pylb.install.image.files import Tree, file, link, resolve

LIBRARIES = "lib/x86_64-linux-gnu"
STDLIB = "usr/lib/python3.11"


def program(*needed: str, loader: str = "", machine: int = 62) -> bytes:
    """A file of ELF that needs libraries, loaded at address 0."""
    names = b"\0" + b"".join(name.encode() + b"\0" for name in needed) + loader.encode() + b"\0"
    start = 64 + 56 * 3
    places = [names.index(b"\0" + name.encode() + b"\0") + 1 for name in needed]
    dynamic = b"".join(struct.pack("<qQ", *tag) for tag in [*((1, place) for place in places), (5, start), (0, 0)])
    at, size = start + len(names), start + len(names) + len(dynamic)
    interpreter = start + len(names) - len(loader) - 1
    parts = [(1, 0, size), (2, at, len(dynamic)), (3, interpreter, len(loader) + 1) if loader else (0, 0, 0)]
    table = b"".join(struct.pack("<IIQQQQQQ", kind, 4, to, to, to, long, long, 8) for kind, to, long in parts)
    head = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 3, machine, 1, 0, 64, 0, 0, 64, 56, 3, 64, 0, 0)
    return head + table + names + dynamic


def package(name: str, tree: Tree) -> Package:
    return Package(
        name, f"Package: {name}\nVersion: 1\n".encode(), {**tree, f"usr/share/doc/{name}/copyright": file(b"mine")}
    )


def packages() -> dict[str, Package]:
    python = program("libz.so.1", loader="/lib64/ld-linux-x86-64.so.2")
    listed = [
        package(
            "libc6",
            {
                "lib64/ld-linux-x86-64.so.2": link("/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"),
                f"{LIBRARIES}/ld-linux-x86-64.so.2": file(program()),
                f"{LIBRARIES}/libc.so.6": file(program()),
                f"{LIBRARIES}/libm.so.6": file(program("libc.so.6")),
                "usr/share/doc/libc6/NEWS": file(b"news"),
            },
        ),
        package("libgcc-s1", {f"{LIBRARIES}/libgcc_s.so.1": file(program("libc.so.6"))}),
        package(
            "zlib1g",
            {f"{LIBRARIES}/libz.so.1": link("libz.so.1.2"), f"{LIBRARIES}/libz.so.1.2": file(program("libc.so.6"))},
        ),
        package("libdb5.3", {f"{LIBRARIES}/libdb-5.3.so": file(program("libc.so.6"))}),
        package("python3.11", {"usr/bin/python3.11": file(python, 0o755), "usr/bin/python3": link("python3.11")}),
        package(
            "stdlib",
            {
                f"{STDLIB}/asyncio/events.py": file(b""),
                f"{STDLIB}/test/support.py": file(b""),
                f"{STDLIB}/unittest.py": file(b""),
                f"{STDLIB}/lib-dynload/_dbm.cpython-311-x.so": file(program("libdb-5.3.so")),
                f"{STDLIB}/lib-dynload/_ssl.cpython-311-x.so": file(program("libc.so.6")),
            },
        ),
        package("dpkg", {"usr/bin/dpkg": file(program("libc.so.6"))}),
        package(
            "ca-certificates",
            {f"usr/share/ca-certificates/mozilla/{name}.crt": file(name.encode()) for name in ("b", "a")},
        ),
    ]
    return {one.name: one for one in listed}


def test_what_stays() -> None:
    tree = contents.select(packages().values())
    files = {path for path, entry in tree.items() if entry.data and not path.startswith(("etc", "var", "usr/share"))}
    assert files == {
        "usr/bin/python3.11",
        f"{STDLIB}/lib-dynload/_ssl.cpython-311-x.so",
        *(f"usr/{LIBRARIES}/{name}" for name in ("ld-linux-x86-64.so.2", "libc.so.6", "libgcc_s.so.1", "libz.so.1.2")),
    }
    assert f"{STDLIB}/asyncio/events.py" in tree
    assert not any("/test/" in path or path.endswith("unittest.py") for path in tree)
    assert resolve(tree, "lib64/ld-linux-x86-64.so.2") == f"usr/{LIBRARIES}/ld-linux-x86-64.so.2"
    assert contents.python_version(tree) == "3.11"
    assert contents.faults(tree, "amd64") == []


def test_packages_in_use_are_on_record() -> None:
    """Licence and description, for people and for scanners; nothing of packages of which nothing stayed."""
    tree = contents.select(packages().values())
    recorded = {path.rpartition("/")[2] for path in tree if path.startswith("var/lib/dpkg/status.d/")}
    assert recorded == {"libc6", "libgcc-s1", "zlib1g", "python3.11", "stdlib", "ca-certificates"}
    assert {path.split("/")[3] for path in tree if path.endswith("/copyright")} == recorded
    assert tree["var/lib/dpkg/status.d/libc6"].data == b"Package: libc6\nVersion: 1\n"


def test_accounts_and_authorities() -> None:
    tree = contents.select(packages().values())
    assert b"nobody:x:65534:65534:" in tree["etc/passwd"].data
    assert tree["etc/ssl/certs/ca-certificates.crt"].data == b"a\nb\n"
    assert (tree["tmp"].mode, resolve(tree, "usr/lib/ssl/cert.pem")) == (0o1777, "etc/ssl/certs/ca-certificates.crt")


@pytest.mark.parametrize(
    ("without", "words"),
    [
        ("zlib1g", "libz.so.1"),
        ("libgcc-s1", "libgcc_s.so.1"),
        ("libc6", "libc.so.6|ld-linux"),
        ("ca-certificates", "certificates"),
    ],
)
def test_what_is_missing_is_named(without: str, words: str) -> None:
    listed = packages()
    del listed[without]
    with pytest.raises(ContentsFault, match=words):
        contents.select(listed.values())


def test_a_root_without_python_is_refused() -> None:
    with pytest.raises(ContentsFault, match="usr/bin/python3"):
        contents.python_version({"usr/bin/python3": link("gone")})


def test_faults_of_a_root() -> None:
    tree = contents.select(packages().values())
    tree["usr/bin/odd"] = file(program("libodd.so.1", loader="/lib/ld-odd.so", machine=183))
    assert contents.faults(tree, "amd64") == [
        "usr/bin/odd is of arm64",
        "usr/bin/odd needs libodd.so.1",
        "usr/bin/odd needs /lib/ld-odd.so",
    ]


def test_a_damaged_program_is_named() -> None:
    listed = packages()
    listed["python3.11"].tree["usr/bin/python3.11"] = file(b"\x7fELF")
    with pytest.raises(ContentsFault, match=r"usr/bin/python3\.11: cut off"):
        contents.select(listed.values())
