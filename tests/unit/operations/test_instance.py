import itertools
import subprocess

import pytest

from predictor.errors import CapacityUnknown
from predictor.operations.instance import Instance
from tests.support.processes import PROJECT

CPUS = ("0.05", "0.08", "0.499", "0.5", "0.999", "1", "1.0", "2", "3", "4", "6", "8")
MEMORY_MIB = (64, 128, 512, 513, 1024, 1025, 2047, 2048, 4096, 4097, 8192, 16384, 16385, 24576, 32768, 32769)
SIZES = list(itertools.product(CPUS, MEMORY_MIB, (1, 80)))
CHECK = """
source ops/deploy/config.sh
CONFIG=deploy.env
die() { exit 1; }
while read -r CPU MEMORY CONCURRENCY; do
  if (check_size CONCURRENCY); then echo accepted; else echo refused; fi
done
"""


def accepted(cpu: str, memory_mib: int, concurrency: int) -> bool:
    try:
        Instance(float(cpu), memory_mib, concurrency).check()
    except CapacityUnknown:
        return False
    return float(cpu) >= 0.08  # The command line's own limit.


@pytest.mark.parametrize(
    ("instance", "message"),
    [
        (Instance(0.5, 512, 80), "0.5 vCPU with concurrency 80 cannot be used: Cloud Run takes less than 1 vCPU only"),
        (Instance(0.4, 1024, 1), "1024 MiB with 0.4 vCPU cannot be used: .* Cloud Run takes 128 to 512 MiB"),
        (Instance(0.9, 2048, 1), "takes 128 to 1024 MiB"),
        (Instance(0.1234, 512, 1), "steps of 0.001"),
        (Instance(3, 512, 80), "3 vCPU cannot be used: Cloud Run takes 1, 2, 4, 6, 8 vCPUs, or 0.08 to under 1"),
        (Instance(1.5, 512, 80), "1.5 vCPU cannot be used"),
        (Instance(8, 2048, 80), "2048 MiB with 8 vCPU cannot be used: .* Cloud Run takes 4096 to 32768 MiB"),
    ],
    ids=lambda value: f"{value.cpu:g}-{value.memory_mib}" if isinstance(value, Instance) else "",
)
def test_a_size_that_cloud_run_refuses_is_a_sentence(instance: Instance, message: str) -> None:
    with pytest.raises(CapacityUnknown, match=message):
        instance.check()


def test_a_deployment_accepts_the_same_sizes() -> None:
    lines = "".join(f"{cpu} {memory}Mi {concurrency}\n" for cpu, memory, concurrency in SIZES)
    done = subprocess.run(["bash", "-c", CHECK], cwd=PROJECT, input=lines, capture_output=True, text=True, check=True)
    by_deploy = [line == "accepted" for line in done.stdout.splitlines()]
    assert by_deploy == [accepted(*size) for size in SIZES]
    assert True in by_deploy
