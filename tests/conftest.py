"""What every layer shares: how properties are searched, what kubectl remembers, when a skipped lab or cluster test fails."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Generator
from functools import lru_cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

LAB = Path(__file__).parent / "lab"
CLUSTER = Path(__file__).parent / "cluster"
LAB_PROGRAMS = ("nft", "ip", "unshare", "nsenter", "setpriv", "openssl")
PATH_TAIL = ":/usr/sbin:/sbin"  # where Debian keeps nft and ip, outside the PATH of people
PROBE_LIMIT = 10  # seconds
CLUSTER_LIMIT = 240  # seconds for a test, with the start of the cluster that it is the first to want

# The gate finds the same examples each time, on a slow machine too; the hunt looks where nobody has looked yet.
settings.register_profile(
    "gate", derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "hunt", max_examples=5_000, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("PYLB_HYPOTHESIS", "gate"))


@pytest.fixture(scope="session", autouse=True)
def _own_cache_of_kubectl(tmp_path_factory: pytest.TempPathFactory) -> None:
    """kubectl remembers for hours what the server at an address and port has, and ports of earlier tests come again."""
    os.environ["KUBECACHEDIR"] = str(tmp_path_factory.mktemp("kubectl"))


@lru_cache(maxsize=1)
def lab_obstacle() -> str:
    """Why this machine cannot make network namespaces; "" where it can."""
    for program in LAB_PROGRAMS:
        if shutil.which(program, path=os.environ.get("PATH", "") + PATH_TAIL) is None:
            return f"the lab needs the program {program}"
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    try:
        done = subprocess.run(
            ["unshare", *user, "--net", "--mount", "--propagation", "unchanged", "true"],
            check=False,
            capture_output=True,
            text=True,
            timeout=PROBE_LIMIT,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"no network namespaces here: {error}"
    return "" if done.returncode == 0 else f"no network namespaces here: {done.stderr.strip()}"


@lru_cache(maxsize=1)
def users_obstacle() -> str:
    """Why this machine gives no user namespace; "" where it does. A chroot and some containers cannot."""
    try:
        done = subprocess.run(["unshare", "--user", "true"], check=False, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"no user namespaces here: {error}"
    return "" if done.returncode == 0 else f"no user namespaces here: {done.stderr.strip()}"


@lru_cache(maxsize=1)
def cluster_obstacle() -> str:
    """Why no real cluster can run here; "" where it can."""
    if os.geteuid() != 0:
        return "the cluster needs root"
    from cluster.client import programs
    from pylb.lab.errors import LabError

    try:
        programs()
    except LabError as error:
        return str(error)
    return lab_obstacle()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything below tests/lab is a lab test, and is skipped where no lab can stand."""
    for item in items:
        if LAB in item.path.parents:
            item.add_marker(pytest.mark.lab)
        if CLUSTER in item.path.parents:
            item.add_marker(pytest.mark.cluster)
        if item.get_closest_marker("cluster") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(CLUSTER_LIMIT))
        if item.get_closest_marker("cluster") and cluster_obstacle():
            item.add_marker(pytest.mark.skip(reason=cluster_obstacle()))
        if item.get_closest_marker("lab") and lab_obstacle():
            item.add_marker(pytest.mark.skip(reason=lab_obstacle()))
        if item.get_closest_marker("users") and users_obstacle():
            item.add_marker(pytest.mark.skip(reason=users_obstacle()))
        if item.get_closest_marker("kubectl") and shutil.which("kubectl") is None:
            item.add_marker(pytest.mark.skip(reason="this machine has no kubectl"))
        if item.get_closest_marker("tmux") and shutil.which("tmux") is None:
            item.add_marker(pytest.mark.skip(reason="this machine has no tmux"))


def must_run(item: pytest.Item) -> bool:
    """Whether a skip of this test is a failure: one that this machine can run, where its layer is required."""
    if os.environ.get("PYLB_REQUIRE_CLUSTER") and item.get_closest_marker("cluster"):
        return True
    if not os.environ.get("PYLB_REQUIRE_LAB") or not item.get_closest_marker("lab") or lab_obstacle():
        return False
    if item.get_closest_marker("users") and users_obstacle():
        return False
    programs = (name for name in ("kubectl", "tmux") if item.get_closest_marker(name))
    return all(shutil.which(name) for name in programs)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that must run and was skipped has failed."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and must_run(item):
        report.outcome = "failed"
        report.longrepr = f"skipped although this machine can run it: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """So has a whole file of them."""
    report = yield
    required = os.environ.get("PYLB_REQUIRE_LAB") and LAB in collector.path.parents and not lab_obstacle()
    if report.skipped and required:
        report.outcome = "failed"
        report.longrepr = f"skipped although this machine can run it: {report.longrepr}"
    return report
