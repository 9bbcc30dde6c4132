"""What `pylb check` says: the line, the field and the words, of every sample, of the seeds, and of whatever bytes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from fakes.checked import SAMPLES, Sample
from fakes.cluster import SEEDS
from pylb.check.cli import check
from pylb.check.examination import Examined, examine
from pylb.core.manifest import Severity

BROKEN = {"003-broken-indentation.yaml": 4, "003-broken-annotation.yaml": 5}
POOL = "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata:\n  name: p\n  namespace: metallb-system\n"
RANGE = "spec:\n  addresses:\n  - 10.77.3.0/29\n"
OLD = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  namespace: metallb-system\n  name: config\ndata:\n  config: |\n"
POOLS = "    address-pools:\n    - name: a\n      protocol: layer2\n      addresses:\n      - 10.77.3.0/29\n"


def found(*texts: str | bytes) -> list[tuple[int, str, str]]:
    """(line, severity, text) of all findings."""
    return [(one.line, one.severity.value, one.text) for one in look(*texts).findings]


def look(*texts: str | bytes) -> Examined:
    return examine((f"{number}.yaml", t if isinstance(t, bytes) else t.encode()) for number, t in enumerate(texts))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_sample(sample: Sample) -> None:
    """Each failure at its line and field, and no other."""
    told = [one for one in look(sample.text).findings if one.severity is Severity.FAIL]
    assert [(one.line, one.field) for one in told] == [(line, where) for line, where, _ in sample.failures]
    for one, (_, _, words) in zip(told, sample.failures, strict=True):
        assert words in f"{one.text} {one.fix}"


@pytest.mark.parametrize("seed", sorted(SEEDS.glob("*.yaml")), ids=lambda path: path.name)
def test_seed(seed: Path) -> None:
    """The documents' two typing errors are found at the first line that is out of place; all else is fine."""
    examined = examine([(seed.name, seed.read_bytes())])
    failures = [one for one in examined.findings if one.severity is Severity.FAIL]
    assert [one.line for one in failures] == ([BROKEN[seed.name]] if seed.name in BROKEN else [])
    assert all(one.fix for one in failures)
    assert examined.ok is (seed.name not in BROKEN)


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        (b"", 1, "the file is empty"),
        (b"\n# nothing\n", 1, "no object stands in it"),
        (b"\xff\xfea\0", 1, "UTF-16"),
        (b"a: 1\n\xff\xff", 2, "no text in UTF-8"),
        (b"\x7fELF\0\0", 1, "a NUL byte"),
        (b"x" * (10 << 20), 1, "larger than 4 MiB"),
        (b"- a\n- b\n", 1, "an object is expected"),
        (b"just words", 1, "an object is expected"),
        (b"[" * 100_000, 1, "nested more than 100 deep"),
        (b"a: &x\n  - *x\n", 2, "undefined alias"),
        (b"a: [1\nb: 2\n", 2, "no YAML"),
        (b"kind: Service\n", 1, "it has no apiVersion"),
    ],
)
def test_what_is_no_manifest_is_one_clear_line(content: bytes, line: int, words: str) -> None:
    [(at, severity, text)] = found(content)
    assert (at, severity) == (line, "FAIL")
    assert words in text
    assert "\n" not in text


def test_an_alias_bomb_is_refused() -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 8)}]" for n in range(1, 9)]
    [(_, _, text)] = found("\n".join(rows))
    assert "aliases" in text


def test_one_broken_document_hides_no_other() -> None:
    text = f"{POOL}{RANGE}---\n{{\n---\n{POOL.replace('name: p', 'name: q')}spec:\n  addresses: [x]\n"
    assert [line for line, severity, _ in found(text) if severity == "FAIL"] == [10, 18]


@pytest.mark.parametrize("start", [b"\xef\xbb\xbf", b"", b"---\n"])
def test_byte_order_mark_and_json(start: bytes) -> None:
    """A file may begin with a byte order mark; JSON is read as well, one object after the other, in Lists too."""
    item = {
        "apiVersion": "metallb.io/v1beta1",
        "kind": "IPAddressPool",
        "metadata": {"name": "p", "namespace": "metallb-system"},
    }
    whole = {"apiVersion": "v1", "kind": "List", "items": [{**item, "spec": {"addresses": ["10.77.3.0/29", "x"]}}]}
    [one] = [
        one for one in look(start + json.dumps(whole, indent=1).encode()).findings if one.severity is Severity.FAIL
    ]
    assert one.field == "spec.addresses[1]"
    assert '"x"' in (start.decode("utf-8-sig") + json.dumps(whole, indent=1)).split("\n")[one.line - 1]
    other = {**item, "metadata": {"name": "q", "namespace": "metallb-system"}}
    two = json.dumps(item) + "\n" + json.dumps({**other, "spec": {"addresses": ["10.77.4.0/29"]}})
    assert (1 + start.count(b"\n"), "FAIL") in [(line, severity) for line, severity, _ in found(start + two.encode())]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (POOLS + "      autoassign: true\n", 14, "autoassign"),
        (POOLS.replace("layer2", "l2"), 10, "unknown protocol"),
        (POOLS.replace("10.77.3.0/29", "10.77.3.9"), 12, "10.77.3.9"),
        (POOLS + "    - name: b\n      protocol: layer2\n      addresses: [10.77.3.0/30]\n", 16, "overlaps"),
        (POOLS + "    adress-pools: []\n", 13, "adress-pools"),
    ],
)
def test_the_old_config_map(text: str, line: int, words: str) -> None:
    """Its text is read strictly, and problems have their line in the file."""
    told = found(OLD + text)
    assert [(severity, words in said) for _, severity, said in told] == [("FAIL", True)], told
    assert told[0][0] in (line, line - 1)


def test_files_are_one_set() -> None:
    """A pool of one file and a Service of the other know each other; an overlap across files names both."""
    service = (
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  type: LoadBalancer\n  ports: [{port: 80}]\n"
    )
    assert found(POOL + RANGE, service)[0][1] == "HINT"
    wishing = service.replace("name: web", "name: web\n  annotations: {metallb.io/address-pool: q}")
    assert any(severity == "FAIL" and '"q"' in text for _, severity, text in found(POOL + RANGE, wishing))
    assert not any(severity == "FAIL" for _, severity, _ in found(wishing))
    assert any("overlaps" in text for _, _, text in found(POOL + RANGE, POOL.replace("name: p", "name: q") + RANGE))
    assert any("written twice" in text for _, _, text in found(POOL + RANGE, POOL + RANGE))


def test_more_services_than_addresses() -> None:
    """What cannot all be at once is told, of the Services that would wait."""
    row = "---\napiVersion: v1\nkind: Service\nmetadata:\n  name: s{}\nspec:\n  type: LoadBalancer\n  ports: [{{port: 80}}]\n"
    told = look(POOL + RANGE.replace("/29", "/31") + "".join(map(row.format, range(3))))
    failed = [one.ref.name for one in told.findings if one.severity is Severity.FAIL and one.ref]
    assert failed == ["s2"]


def test_services_of_another_class_get_nothing() -> None:
    """They are another load balancer's, and leave the only address to the one that is pylb's."""
    row = "---\napiVersion: v1\nkind: Service\nmetadata: {{name: {}}}\nspec: {{type: LoadBalancer, {} ports: [{{port: 80}}]}}\n"
    files = [
        (
            "f",
            (
                POOL + RANGE.replace("/29", "/32") + row.format("a", "loadBalancerClass: x,") + row.format("b", "")
            ).encode(),
        )
    ]
    assert examine(files).ok
    assert examine(files, "x").ok
    assert not examine([(name, content.replace(b"loadBalancerClass: x,", b"")) for name, content in files]).ok


def test_a_pin_that_comes_late() -> None:
    """Applied in this order the first Service is given what the second one pins; the other way round both are fine."""
    first, second = (
        f"---\napiVersion: v1\nkind: Service\nmetadata:\n  name: {name}\nspec:\n  type: LoadBalancer\n{pin}  ports: [{{port: 80}}]\n"
        for name, pin in (("any", ""), ("pinned", "  loadBalancerIP: 10.77.3.0\n"))
    )
    told = found(POOL + RANGE + first + second)
    assert [severity for _, severity, text in told if "in this order" in text] == ["HINT"]
    assert not any("in this order" in text for _, _, text in found(POOL + RANGE + second + first))


def test_deprecated_prefix_and_missing_namespace_are_hints() -> None:
    service = "---\napiVersion: v1\nkind: Service\nmetadata:\n  name: s\n  annotations:\n    metallb.universe.tf/address-pool: p\n"
    text = (
        POOL.replace("  namespace: metallb-system\n", "")
        + RANGE
        + service
        + "spec: {type: LoadBalancer, ports: [{port: 80}]}\n"
    )
    told = found(text)
    assert {severity for _, severity, _ in told} == {"HINT"}
    assert any("deprecated annotation" in text for _, _, text in told)
    assert any("names no namespace" in text for _, _, text in told)


def test_other_kinds_are_counted() -> None:
    text = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: s}\n"
    examined = look(text)
    assert (examined.ok, examined.passed_over, examined.objects) == (True, {"Deployment": 1, "Service": 1}, 0)


def test_what_a_cluster_has_can_be_piped_in() -> None:
    """`kubectl get … -o yaml`: what is to be applied takes the place of what stands there, Services keep their addresses,
    and a node's own address in a pool is told of."""
    meta = {"name": "p", "namespace": "metallb-system", "uid": "1", "resourceVersion": "2", "managedFields": [{}]}
    held = {"loadBalancer": {"ingress": [{"ip": "10.77.3.1", "ipMode": "VIP"}]}}
    spec = {
        "type": "LoadBalancer",
        "clusterIP": "10.96.1.1",
        "clusterIPs": ["10.96.1.1"],
        "ports": [{"port": 80}],
        "new": 1,
    }
    items = [
        {
            "apiVersion": "metallb.io/v1beta1",
            "kind": "IPAddressPool",
            "metadata": meta,
            "spec": {"addresses": ["10.77.3.0/29"]},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "w", "namespace": "a", "uid": "3"},
            "spec": spec,
            "status": held,
        },
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": "n1", "uid": "4"},
            "status": {"addresses": [{"type": "InternalIP", "address": "10.77.3.5"}]},
        },
    ]
    cluster = json.dumps({"apiVersion": "v1", "kind": "List", "items": items}, indent=1)
    assert any("10.77.3.5 is the own address of node n1" in text for _, _, text in found(cluster))
    assert look(cluster).ok
    assert look(cluster, POOL + RANGE.replace("/29", "/28")).ok, "the same pool, larger"
    assert any("overlaps" in text for _, _, text in found(cluster, POOL.replace("name: p", "name: q") + RANGE))
    pinned = "apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec:\n  type: LoadBalancer\n  loadBalancerIP: "
    for last, ok in ((1, False), (2, True), (5, False)):
        assert look(cluster, f"{pinned}10.77.3.{last}\n  ports: [{{port: 80}}]\n").ok is ok, last


def test_what_lies_beside_manifests_fails_nothing(tmp_path: Path) -> None:
    """A chart's values are no object, and are told of; hidden folders are not looked into; a template is not YAML."""
    assert [severity for _, severity, _ in found("replicas: 3\nimage: x\n")] == ["HINT"]
    [template] = look("apiVersion: v1\nkind: Service\nmetadata:\n  name: {{ .Values.name }}-x\n").findings
    assert "helm template" in template.fix
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "odd.yaml").write_text("{")
    (tmp_path / "good.yaml").write_text(POOL + RANGE)
    assert run(str(tmp_path))[0] == 0


def run(*args: str, text: bytes | None = None) -> tuple[int, str, str]:
    done = CliRunner().invoke(check, list(args), input=text)
    return done.exit_code, done.stdout, done.stderr


def test_command(tmp_path: Path) -> None:
    """Text and JSON, exit codes, a folder, standard input."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "good.yml").write_text(POOL + RANGE)
    (tmp_path / "bad.yaml").write_text(POOL.replace("name: p", "name: q") + RANGE.replace("addresses", "adresses"))
    (tmp_path / "notes.txt").write_text("{")
    code, out, _ = run(str(tmp_path))
    assert code == 1
    assert f"{tmp_path}/bad.yaml:7: FAIL: IPAddressPool metallb-system/q spec.adresses: unknown field" in out
    assert "    fix: did you mean addresses?" in out
    assert out.splitlines()[-1] == "2 files, 2 objects looked at: 1 failure, 1 hint"
    code, out, _ = run("-", "-o", "json", text=(POOL + RANGE).encode())
    told = json.loads(out)
    assert (code, told["schema"], told["ok"], told["files"], told["objects"]) == (0, "pylb-check/1", True, 1, 1)
    assert set(told["findings"][0]) == {"file", "line", "severity", "object", "field", "text", "fix"}


def test_wrong_input(tmp_path: Path) -> None:
    """One line on standard error that names the input, and 2."""
    for name in (str(tmp_path / "none.yaml"), str(tmp_path)):
        code, out, error = run(name)
        assert (code, out, error.count("\n")) == (2, "", 1)
        assert error.startswith(f"Error: {name} ")
    assert run()[0] == 2
    assert run("")[0] == 2
