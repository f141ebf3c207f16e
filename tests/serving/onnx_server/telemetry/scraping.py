"""The page that Prometheus reads, as a test reads it."""

from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

from tests.serving.onnx_server.asking import Answer, ask


def page(addresses: Mapping[str, str], **headers: str) -> Answer:
    answer = ask(addresses["metrics"], "/metrics", headers=headers)
    assert answer.status == 200
    return answer


def value(addresses: Mapping[str, str], name: str, **labels: str) -> float:
    """Of one sample; 0 while there is none."""
    families = text_string_to_metric_families(page(addresses).body.decode())
    samples = [each for family in families for each in family.samples]
    return sum(each.value for each in samples if each.name == f"torchferry_serve_{name}" and each.labels == labels)
