"""bf16 where the processor computes it, float32 where it would only cost time."""

from __future__ import annotations

import platform

import pytest
import torch

from limner.nn.precision import computes_bf16
from limner.training.loop import accelerator_of


@pytest.fixture
def processor(monkeypatch: pytest.MonkeyPatch):
    """Sets what torch and Python say of the processor."""

    def say(machine: str, **able: bool) -> None:
        monkeypatch.setattr(platform, "machine", lambda: machine)
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able, raising=False)
        computes_bf16.cache_clear()

    yield say
    computes_bf16.cache_clear()


def test_bf16_is_kept_where_the_processor_computes_it(processor):
    for machine, able in (("x86_64", {"avx512_bf16": True}), ("AMD64", {"amx_bf16": True}), ("arm64", {})):
        processor(machine, **able)
        assert accelerator_of("bf16", cpu=True).mixed_precision == "bf16", machine


def test_bf16_becomes_float32_where_it_would_only_cost_time(processor, monkeypatch: pytest.MonkeyPatch):
    processor("x86_64", avx512_bf16=False, amx_bf16=False, avx512_f=True)
    assert accelerator_of("bf16", cpu=True).mixed_precision == "no"
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")  # who says so gets it
    assert accelerator_of("no", cpu=True).mixed_precision == "bf16"


def test_an_older_torch_that_cannot_tell_computes_what_was_asked_for(processor, monkeypatch: pytest.MonkeyPatch):
    processor("x86_64")
    monkeypatch.delattr(torch.cpu, "get_capabilities")
    computes_bf16.cache_clear()
    assert computes_bf16()
