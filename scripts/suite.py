"""Runs the checks and every test layer, on every Python of the machine, and sums up what passed, failed and was skipped.

`suite.py cluster` runs what needs a real Kubernetes instead.

The main environment runs all layers; each further interpreter runs those that depend on the Python alone. An
interpreter that is not there is named, not hidden; so is every skipped test, with its reason. It knows nothing of
pytest but its command line and its JUnit file.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / ".cache" / "suite"
MINORS = (10, 11, 12, 13)  # as the classifiers in pyproject.toml
PORTABLE = ("unit", "property", "component")  # layers that run on each interpreter
QUICK = ("architecture", *PORTABLE, "simulation", "conformance")  # what the main interpreter runs side by side
REAL = ("cluster", "conformance")  # what a real Kubernetes is needed for, in part
ALONE = ("lab",)  # with nothing else beside it: its packets are timed by what they test
REAL_WORKERS = 3  # at most, with a cluster of each mode that their files want; one core stays for those
LAB_WORKERS = 2  # a lab of its own each; they mostly wait
MAX_AGAIN = 4  # files; where more have failures, something is wrong
RUN_LIMIT = 1800  # seconds for one pytest run: a hang becomes a failure
PROBE_LIMIT = 20  # seconds for an interpreter to say its version


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python that ran when it was asked for its version."""

    version: str
    path: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one run; `failed` is at least 1 where the run itself broke."""

    title: str
    passed: int = 0
    failed: int = 0
    skips: Counter[str] = field(default_factory=Counter)


def probe(path: str) -> str:
    """The version "3.N" of a Python that can make environments; "" where it does not run or cannot."""
    code = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run([path, "-c", code], check=False, capture_output=True, text=True, timeout=PROBE_LIMIT)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def candidates(minor: int) -> Iterator[str]:
    """Where a Python 3.`minor` may stand: on PATH (a pyenv shim there may well fail), then in pyenv's folders."""
    name = f"python3.{minor}"
    yield name
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    yield from (str(path) for path in sorted(versions.glob(f"*/bin/{name}")))


def find_interpreters(main: str) -> tuple[list[Interpreter], list[str]]:
    """(the interpreters beside the main one, the versions that the machine does not have)."""
    found, absent = [], []
    for version, minor in ((f"3.{minor}", minor) for minor in MINORS):
        if version == main:
            continue
        path = next((path for path in candidates(minor) if probe(path) == version), None)
        if path is None:
            absent.append(version)
        else:
            found.append(Interpreter(version, path))
    return found, absent


def report(title: str, verdict: str, seconds: float, detail: str = "") -> None:
    print(f"{title:<46} {verdict:<7} {seconds:3.0f} s  {detail}".rstrip(), flush=True)


def step(title: str, *command: str) -> Outcome:
    """Run a command that reports in its own lines."""
    return Outcome(title, failed=int(subprocess.run(command, cwd=ROOT, check=False).returncode != 0))


def read_cases(junit: Path) -> list[ElementTree.Element] | None:
    """The tests that a JUnit file tells of; None where there is no such file, or a broken one."""
    try:
        return list(ElementTree.parse(junit).iter("testcase"))  # noqa: S314 - our own pytest wrote it
    except (OSError, ElementTree.ParseError):
        return None


def has_failed(case: ElementTree.Element) -> bool:
    """Whether a test failed, or broke before or after."""
    return case.find("failure") is not None or case.find("error") is not None


def read_junit(title: str, path: Path, rc: int) -> Outcome:
    """The counts of a JUnit file; a run that broke without a failed test counts as one failure."""
    cases = read_cases(path)
    if cases is None:
        return Outcome(title, failed=1)
    failed = sum(map(has_failed, cases))
    skipped = [case.find("skipped") for case in cases]
    skips = Counter(skip.get("message", "") for skip in skipped if skip is not None)
    passed = len(cases) - failed - skips.total()
    return Outcome(title, passed, max(failed, int(rc != 0)), skips)


def run_layers(version: str, python: str, layers: tuple[str, ...], *options: str, **environment: str) -> Outcome:
    """Run some layers on one interpreter and report in one line; what pytest printed follows where something failed."""
    title = f"{version}: {' '.join(layers)}"
    name = f"{version}-{layers[0]}".replace("/", "-")
    junit, log = RESULTS / f"{name}.xml", RESULTS / f"{name}.log"
    junit.unlink(missing_ok=True)
    command = [python, "-m", "pytest", "-q", "--no-header", "--tb=short", "-p", "no:cacheprovider"]
    wanted = () if "-m" in options else ("-m", "not cluster")  # these have a command of their own
    command += [f"--junitxml={junit}", *wanted, *options, *(f"tests/{layer}" for layer in layers)]
    started = time.monotonic()
    with log.open("w") as out:
        rc = run_bounded(command, out.fileno(), {**os.environ, **environment})
    outcome = read_junit(title, junit, rc)
    detail = f"{outcome.passed} passed, {outcome.failed} failed, {outcome.skips.total()} skipped"
    report(title, "FAILED" if outcome.failed else "ok", time.monotonic() - started, detail)
    if outcome.failed:
        print(log.read_text(errors="replace"), flush=True)
    return outcome


def run_bounded(command: list[str], out: int, environment: dict[str, str]) -> int:
    """The exit code of a command; 124 where it did not end in time and was ended."""
    try:
        return subprocess.run(
            command,
            check=False,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            timeout=RUN_LIMIT,
        ).returncode
    except subprocess.TimeoutExpired:
        os.write(out, f"\nended after {RUN_LIMIT} s\n".encode())
        return 124


def run_elsewhere(interpreter: Interpreter, ready: Future[Outcome], *options: str) -> Outcome:
    """The portable layers on another interpreter, once its environment is made."""
    if ready.result().failed:
        return ready.result()
    python = f".cache/venv/{interpreter.version}/bin/python"
    return run_twice(interpreter.version, python, PORTABLE, (), options)


def run_all(version: str, others: list[Interpreter]) -> Iterator[Outcome]:
    """Checks while environments are made; then the quick layers side by side; then the lab alone."""
    workers = max(2, len(os.sched_getaffinity(0)) // (1 + len(others)))
    spread = ("-n", str(workers), "--dist", "loadgroup")
    with ThreadPoolExecutor(max_workers=1 + len(others)) as pool:
        ready = {
            other: pool.submit(
                step, f"set-up of {other.version}", "scripts/setup", "venv", f".cache/venv/{other.version}", other.path
            )
            for other in others
        }
        yield step("make check", "scripts/check")
        runs = [pool.submit(run_twice, version, sys.executable, QUICK, (), spread)]
        runs += [pool.submit(run_elsewhere, other, ready[other], *spread) for other in others]
        yield from (run.result() for run in runs)
    required = "1" if os.environ.get("CI") == "true" else os.environ.get("PYLB_REQUIRE_LAB", "")
    pair = ("-n", str(LAB_WORKERS), "--dist", "loadfile")
    yield run_twice(version, sys.executable, ALONE, (), pair, PYLB_REQUIRE_LAB=required)


def run_real(version: str) -> Outcome:
    """What needs a real Kubernetes; nothing of it may be skipped."""
    workers = max(1, min(REAL_WORKERS, len(os.sched_getaffinity(0)) - 1))
    spread = ("-n", str(workers), "--dist", "loadfile")
    options = ("-m", "cluster", "--durations=15")
    return run_twice(version, sys.executable, REAL, options, spread, PYLB_REQUIRE_CLUSTER="1")


def run_twice(
    version: str,
    python: str,
    layers: tuple[str, ...],
    options: tuple[str, ...],
    spread: tuple[str, ...],
    **environment: str,
) -> Outcome:
    """Run layers, and each file in which something failed once more, one after the other.

    A lab or a real cluster on a busy machine has seconds of its own, and a test that fails leaves it in disorder for
    those that follow. What fails twice has failed; what passes the second time is named, so that it is looked at.
    """
    first = run_layers(version, python, layers, *options, *spread, **environment)
    cases = failed_cases(RESULTS / f"{version}-{layers[0]}.xml") if first.failed else []
    files = sorted({case.partition("::")[0] for case in cases})
    if not 0 < len(files) <= MAX_AGAIN:
        return first
    second = run_layers(version, python, tuple(files), *options, **environment)
    if second.failed:
        return second
    for case in cases:
        print(f"UNSTEADY {case}: it failed beside others, and passed alone", flush=True)
    return Outcome(first.title, first.passed + first.failed, 0, first.skips)


def failed_cases(junit: Path) -> list[str]:
    """`LAYER/FILE::TEST` of the tests that a JUnit file calls failed; none where there is no such file."""
    failed = [case for case in read_cases(junit) or () if has_failed(case)]
    files = [case.get("classname", "").removeprefix("tests.").replace(".", "/") + ".py" for case in failed]
    return sorted({f"{file}::{case.get('name', '')}" for file, case in zip(files, failed, strict=True)})


def sum_up(outcomes: list[Outcome], ran: list[str], absent: list[str]) -> int:
    """Print the closing lines; the exit code."""
    skips = Counter[str]()
    for outcome in outcomes:
        skips.update(outcome.skips)
    print(f"\nPython {', '.join(ran)}" + (f"; not on this machine: {', '.join(absent)}" if absent else ""))
    for reason, count in skips.most_common():
        print(f"skipped {count}: {reason}")
    for outcome in outcomes:
        if outcome.failed:
            print(f"FAILED {outcome.title}")
    failed = sum(outcome.failed for outcome in outcomes)
    print(f"{sum(outcome.passed for outcome in outcomes)} passed, {failed} failed, {skips.total()} skipped")
    return int(failed > 0)


def main() -> int:
    RESULTS.mkdir(parents=True, exist_ok=True)
    version = f"3.{sys.version_info.minor}"
    if sys.argv[1:] == ["cluster"]:
        return sum_up([run_real(version)], [version], [])
    others, absent = find_interpreters(version)
    outcomes = list(run_all(version, others))
    return sum_up(outcomes, [version, *(other.version for other in others)], absent)


if __name__ == "__main__":
    sys.exit(main())
