"""Who finds whom, and who may reach whom: Services, selectors, network policies, autoscalers."""

from typing import Any

import pytest

from tests.k8s.manifests import (
    BUILDS,
    WITH_TRANSLATOR,
    Object,
    Pod,
    build,
    of_kind,
    pods,
    the,
)

EVERY = pytest.mark.parametrize("name", BUILDS)
# The Pods of the other are Seldon's: how many is said elsewhere.
OURS = pytest.mark.parametrize("name", [name for name in BUILDS if name != "seldon-envoy"])
OTHERS: dict[str, tuple[str, dict[str, int]]] = {
    # Pods that are not ours: whose they are, and the ports of theirs that are used.
    "mlserver": ("mlserver", {"http": 8080, "grpc": 8081}),
    "triton": ("triton", {"http": 8000, "grpc": 8001}),
}
MESH = ("seldon-envoy", 9000)
ENVOYS = {
    "istio": ("istio-system", {"istio": "ingressgateway"}),
    "envoy-gateway": ("envoy-gateway-system", {"app.kubernetes.io/name": "envoy"}),
}


def selected(name: str, labels: dict[str, str]) -> list[Pod]:
    return [pod for pod in pods(name) if labels.items() <= pod.labels.items()]


@EVERY
def test_services_find_pods_and_their_ports(name: str) -> None:
    for service in of_kind(build(name), "Service"):
        spec = service["spec"]
        if spec.get("type") == "ExternalName":
            assert "selector" not in spec
            continue
        found = selected(name, spec["selector"])
        for port in spec["ports"]:
            target = port["targetPort"]
            if found:
                assert target in {*found[0].ports, *found[0].ports.values()}
            else:
                label = spec["selector"]["app.kubernetes.io/name"]
                assert target == OTHERS[label][1][port["name"]]


@OURS
def test_whatever_selects_pods_selects_ours(name: str) -> None:
    """A policy whose selector is empty would be one for every Pod of the namespace."""
    objects = build(name)
    selectors = [
        *(o["spec"]["selector"]["matchLabels"] for o in of_kind(objects, "Deployment")),
        *(o["spec"]["selector"]["matchLabels"] for o in of_kind(objects, "PodDisruptionBudget")),
        *(o["spec"]["podSelector"]["matchLabels"] for o in of_kind(objects, "NetworkPolicy")),
    ]
    assert len(selectors) == 3
    for selector in selectors:
        assert selector["app.kubernetes.io/name"].startswith("oip-")
        assert len(selected(name, selector)) == 1


@OURS
def test_there_are_always_two_and_never_all_go_at_once(name: str) -> None:
    objects = build(name)
    deployment = the(objects, "Deployment")
    assert "replicas" not in deployment["spec"], "the autoscaler's"
    assert deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    scaler = the(objects, "HorizontalPodAutoscaler")["spec"]
    assert scaler["scaleTargetRef"]["name"] == deployment["metadata"]["name"]
    assert scaler["minReplicas"] >= 2
    assert the(objects, "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1
    (pod,) = pods(name)
    kinds = {metric["type"]: metric for metric in scaler["metrics"]}
    assert pod.container(kinds["ContainerResource"]["containerResource"]["container"])
    assert ("Pods" in kinds) == ("metrics" in name.split("+"))


def rules(policy: Object, direction: str, peer: str) -> list[tuple[Any, int]]:
    """Each peer of a policy with each port it may use: None for anyone."""
    return [
        (found, port["port"])
        for rule in policy["spec"][direction]
        for found in rule.get(peer, [None])
        for port in rule["ports"]
    ]


def in_namespace(name: str) -> Object:
    return {"matchLabels": {"kubernetes.io/metadata.name": name}}


@OURS
def test_network_policies_let_through_what_is_needed_and_no_more(name: str) -> None:
    overlay, *components = name.split("+")
    (pod,) = pods(name)
    policy = the(build(name), "NetworkPolicy")
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    dns = {"namespaceSelector": in_namespace("kube-system")}
    coming: list[tuple[Any, int]] = []
    going: list[tuple[Any, int]] = []
    if overlay in WITH_TRANSLATOR:
        namespace, labels = ENVOYS[overlay]
        envoy = {
            "namespaceSelector": in_namespace(namespace),
            "podSelector": {"matchLabels": labels},
        }
        coming.append((envoy, pod.ports["grpc"]))
    else:
        coming.append((None, pod.ports["http"]))
        label, ports = OTHERS.get(overlay, (MESH[0], {"http": MESH[1]}))
        server = {"podSelector": {"matchLabels": {"app.kubernetes.io/name": label}}}
        going += [(dns, 53), (dns, 53), *((server, port) for port in ports.values())]
    if "metrics" in components:
        prometheus = {"namespaceSelector": in_namespace("monitoring")}
        coming += [(prometheus, pod.ports["admin"]), (prometheus, 9902)]
    if "tracing" in components:
        going += [({"namespaceSelector": in_namespace("observability")}, 4318)]
        going += [(dns, 53), (dns, 53)]
    assert rules(policy, "ingress", "from") == coming
    assert sorted(rules(policy, "egress", "to"), key=str) == sorted(going, key=str)


def test_clients_reach_seldons_pods_but_not_the_ports_of_operators() -> None:
    objects = build("seldon-envoy")
    (pod,) = pods("seldon-envoy")
    policy = the(objects, "NetworkPolicy")
    service = the(objects, "Service")
    assert policy["spec"]["podSelector"]["matchLabels"] == service["spec"]["selector"]
    assert policy["spec"]["policyTypes"] == ["Ingress"]
    ports = [pod.ports["oip-http"], MESH[1], 9003]
    assert rules(policy, "ingress", "from") == [(None, port) for port in ports]


@pytest.mark.parametrize("name", [name for name in BUILDS if "metrics" in name])
def test_prometheus_finds_the_port(name: str) -> None:
    monitor = the(build(name), "ServiceMonitor")["spec"]
    labels = monitor["selector"]["matchLabels"]
    (service,) = [
        found
        for found in of_kind(build(name), "Service")
        if labels.items() <= found["metadata"].get("labels", {}).items()
    ]
    ports = {port["name"]: port["targetPort"] for port in service["spec"]["ports"]}
    (pod,) = pods(name)
    assert {ports[endpoint["port"]] for endpoint in monitor["endpoints"]} == {pod.ports["admin"]}


@pytest.mark.parametrize("name", ["gateway", "mlserver", "triton"])
def test_the_names_in_envoys_bootstrap_are_services(name: str) -> None:
    for service in ("model-http", "model-grpc"):
        spec = the(build(name), "Service", service)["spec"]
        if name == "gateway":  # another name, and so the same port
            assert spec["externalName"] == "seldon-mesh.seldon-mesh.svc.cluster.local"
        else:
            assert [port["port"] for port in spec["ports"]] == [80]


def test_every_connection_of_envoys_is_to_one_translator() -> None:
    for name in WITH_TRANSLATOR:
        spec = the(build(name), "Service", "oip-translator")["spec"]
        assert spec["clusterIP"] == "None"
        (pod,) = selected(name, spec["selector"])
        assert [port["port"] for port in spec["ports"]] == [pod.ports["grpc"]]
