"""How long a trial takes, expected before it runs: a roofline of training and writing, and what finished trials teach about it.

Owns the formula and its constants. Which machine and how much work it is about is the caller's to say. No clock, no I/O.

Source: roofline model: Williams, Waterman, Patterson (2009), 10.1145/1498765.1498785. 2 x parameters FLOPs per token and pass:
Kaplan et al. (2020), arXiv 2001.08361, section 2.1; a frozen base has no pass for weight gradients (4 per token and parameter
instead of 6), recomputed activations cost one more pass. Attention: Chowdhery et al. (2022), arXiv 2204.02311, appendix B.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from harness.core.gpus import Gpu
from harness.core.model_shape import ModelShape
from harness.core.params import Quantization, TrialParams
from harness.core.workload import LossPath, Workload

_GPU_EFFICIENCY = 0.4  # of the dense peak; 0.46 is PaLM's well-tuned training, eager PEFT stays below
_GPU_BANDWIDTH = 0.7
_GPU_LAUNCH_S = 1e-3  # about 100 kernels of one decoder layer with adapters, 10 us each
_CORE_BF16, _CORE_FP32 = 0.07e12, 0.035e12  # FLOP/s of one core; measured: 0.09 and 0.043 idle, 0.058 in bf16 on a busy machine
_PCIE_BYTES_PER_S = 12e9  # from host memory, PCIe 4.0 x16 at half its rate; pageable memory
_HOST_BANDWIDTH = 12e9
_HOST_LAUNCH_S = 2.5e-3  # measured: writing with SmolLM2-135M and Qwen2.5-Coder-0.5B in batches of 8
_SPREAD = 2.5
_LEAST_SPREAD = 1.25

_LAUNCHES = {
    Quantization.NONE: 1.0,
    Quantization.INT8: 2.0,
    Quantization.NF4: 1.3,
}  # relative; quantizing and unpacking are kernels too
_TRAFFIC = 3  # reads and writes of each byte of saved activations, per pass
_START_S = 12.0  # process, imports of torch and TRL, trainer: measured 11 s on two cores
_LOAD_BYTES_PER_S = 0.5e9
_SCORE_S = 0.3  # per suite with 10 to 15 mutants, measured 0.06 to 0.45
_WRITTEN_SHARE = 0.75  # of max_new_tokens, until the longest suite of a batch ends


@dataclass(frozen=True, slots=True)
class Seconds:
    """An expected duration with the range it should lie in, in seconds."""

    low: float
    expected: float
    high: float

    def times(self, factor: float) -> Seconds:
        """All three multiplied."""
        return Seconds(self.low * factor, self.expected * factor, self.high * factor)


@dataclass(frozen=True, slots=True)
class Machine:
    """What limits a trial's speed.

    Attributes:
        flops_per_s: Achieved in matrix products.
        bytes_per_s: Achieved memory bandwidth.
        launch_s: Seconds to start the work of one decoder layer once, however small it is.
        asynchronous: Starting goes on while work is done, as on a GPU; on a CPU both add up.
        spread: The truth should lie within this factor either way; above 1.
        basis: Where the figures come from, for a person.
    """

    flops_per_s: float
    bytes_per_s: float
    launch_s: float
    asynchronous: bool
    spread: float
    basis: str

    @classmethod
    def of_gpu(cls, gpu: Gpu) -> Machine:
        """From a card's data sheet."""
        basis = f"roofline of {gpu.name}: {gpu.tensor_tflops:g} TFLOP/s, {gpu.bandwidth_gb_s:g} GB/s; not measured"
        peak, bandwidth = gpu.tensor_tflops * 1e12, gpu.bandwidth_gb_s * 1e9
        return cls(_GPU_EFFICIENCY * peak, _GPU_BANDWIDTH * bandwidth, _GPU_LAUNCH_S, True, _SPREAD, basis)

    @classmethod
    def of_host(cls, cores: int, compute_bytes: int) -> Machine:
        """From the number of cores and the bytes of a value: rates as measured on two cores of one server processor."""
        rate = (_CORE_BF16 if compute_bytes == 2 else _CORE_FP32) * max(1, cores)
        basis = f"roofline of {cores} cores at {rate / 1e12:.2g} TFLOP/s; not measured here"
        return cls(rate, _HOST_BANDWIDTH, _HOST_LAUNCH_S, False, _SPREAD, basis)


@dataclass(frozen=True, slots=True)
class Work:
    """How much a trial has to do, apart from its settings.

    Attributes:
        examples: Training examples.
        prompt_tokens: Mean, of a prompt.
        answer_tokens: Mean, of a training answer.
        suites: Suites to write and score.
    """

    examples: int
    prompt_tokens: float
    answer_tokens: float
    suites: int


def trial_seconds(shape: ModelShape, workload: Workload, work: Work, machine: Machine) -> Seconds:
    """Start, load, train, write, score. Each pass over the model costs its products, its memory traffic and its launches."""
    return _around(_untuned_s(shape, workload, work, machine) + _train_s(shape, workload, work, machine), machine.spread)


def untuned_seconds(shape: ModelShape, workload: Workload, work: Work, machine: Machine) -> Seconds:
    """The same without training: what an untuned baseline takes."""
    return _around(_untuned_s(shape, workload, work, machine), machine.spread)


def _around(expected: float, spread: float) -> Seconds:
    return Seconds(expected / spread, expected, expected * spread)


def _untuned_s(shape: ModelShape, workload: Workload, work: Work, machine: Machine) -> float:
    load = (shape.linear_parameters + shape.other_parameters) * 2 / _LOAD_BYTES_PER_S
    return _START_S + load + _writing_s(shape, workload, work, machine) + work.suites * _SCORE_S


@dataclass(frozen=True, slots=True)
class Lesson:
    """What finished trials say about an expectation.

    Attributes:
        factor: Median of measured / expected.
        spread: All of them lie within this factor of the median; at least 1.25.
        basis: Which trials these are, for a person.
    """

    factor: float
    spread: float
    basis: str

    @classmethod
    def of(cls, ratios: Sequence[float], basis: str) -> Lesson:
        """From measured / expected seconds: at least one ratio, all above 0."""
        factor = median(ratios)
        return cls(factor, max(_LEAST_SPREAD, max(ratios) / factor, factor / min(ratios)), basis)


def with_learned(seconds: Seconds, lesson: Lesson) -> Seconds:
    """An expectation moved to what finished trials showed."""
    return _around(seconds.expected * lesson.factor, lesson.spread)


def optimizer_steps(params: TrialParams, examples: int) -> int:
    """Optimizer steps of a whole training, as transformers counts them; at least 1."""
    if params.max_steps > 0:
        return params.max_steps
    per_epoch = math.ceil(math.ceil(examples / params.per_device_train_batch_size) / params.gradient_accumulation_steps)
    return max(1, math.ceil(per_epoch * params.num_train_epochs))


def _train_s(shape: ModelShape, workload: Workload, work: Work, machine: Machine) -> float:
    params = workload.params
    each = min(work.prompt_tokens + work.answer_tokens, params.max_length)
    tokens = params.per_device_train_batch_size * each
    labelled = (
        tokens if workload.loss_path is not LossPath.COMPLETION else params.per_device_train_batch_size * work.answer_tokens
    )
    passes = 3 if params.gradient_checkpointing else 2
    head = 3 * _head_flops(shape, labelled) / machine.flops_per_s
    micro = passes * _pass_s(shape, workload, (tokens, each), machine) + head
    return optimizer_steps(params, work.examples) * params.gradient_accumulation_steps * micro


def _writing_s(shape: ModelShape, workload: Workload, work: Work, machine: Machine) -> float:
    """The generation phase; 0 without one."""
    writing = workload.writing
    if writing is None or not work.suites:
        return 0.0
    rows = min(writing.batch_size, work.suites)
    prefill = _pass_s(shape, workload, (rows * work.prompt_tokens, work.prompt_tokens), machine)
    head = max(_head_flops(shape, rows) / machine.flops_per_s, 2 * shape.vocab_size * shape.hidden_size / machine.bytes_per_s)
    token = _pass_s(shape, workload, (rows, work.prompt_tokens), machine) + head
    return math.ceil(work.suites / rows) * (prefill + writing.max_new_tokens * _WRITTEN_SHARE * token)


def _pass_s(shape: ModelShape, workload: Workload, tokens: tuple[float, float], machine: Machine) -> float:
    """One pass over all decoder layers for (tokens, tokens of one sequence); eager kernels run one by one."""
    count, length = tokens
    layers = shape.num_hidden_layers
    products = 2 * count * (shape.linear_parameters + _adapter_parameters(shape, workload.params))
    attention = 2 * count * length * shape.query_size * layers  # causal: half of 4
    width = 18 * shape.hidden_size + 8 * shape.intermediate_size + 14 * shape.query_size + 4 * shape.key_size
    traffic = _weight_traffic(shape, workload.params.quantization) + _TRAFFIC * count * width * layers
    launches = layers * machine.launch_s * _LAUNCHES[workload.params.quantization]
    offloaded = (
        2 * shape.linear_parameters * workload.offloaded_layers / layers / _PCIE_BYTES_PER_S
    )  # accelerate copies, then computes
    busy = (products + attention) / machine.flops_per_s + traffic / machine.bytes_per_s
    return offloaded + (max(busy, launches) if machine.asynchronous else busy + launches)


def _weight_traffic(shape: ModelShape, quantization: Quantization) -> float:
    """Bytes moved to use every linear weight once: nf4 is unpacked into 16 bits first, int8 multiplied as it is."""
    each = {Quantization.NONE: 2.0, Quantization.INT8: 1.0, Quantization.NF4: 0.5 + 2 + 2}[quantization]
    return each * shape.linear_parameters


def _adapter_parameters(shape: ModelShape, params: TrialParams) -> int:
    each = sum(layer.in_features + layer.out_features for layer in shape.targets(params.target_modules))
    return params.r * each * shape.num_hidden_layers


def _head_flops(shape: ModelShape, tokens: float) -> float:
    return 2 * tokens * shape.vocab_size * shape.hidden_size
