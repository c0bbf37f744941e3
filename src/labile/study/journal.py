"""Stages of a run on disk, so that a run that was killed goes on where it stopped.

Every stage's result is JSON, written to a temporary file and moved into place, under a key that changes with the
manifest, the data and the version: a stage is either complete and of this very study, or it is not there.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from labile.fitting.problem import Block
from labile.fitting.result import FitResult, FitStatus
from labile.inference.findings import Finding
from labile.inference.joint_fit import Curve, JointFit
from labile.inference.joint_problem import JointProblem

STAGES = ".stages"
"""Folder of the stages inside a result folder."""


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file so that it is either the old or the new one, never half of it."""
    data = content.encode("utf-8") if isinstance(content, str) else content
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


@dataclass
class Journal:
    """Stages of one run.

    Attributes
    ----------
    folder : Path
    key : str
        Of the study; stages under another key are ignored.
    seconds : dict of str to float
        Time each stage took when it was computed.
    """

    folder: Path
    key: str
    seconds: dict[str, float] = field(default_factory=dict)

    def stage(self, name: str, compute: Callable[[], Any]) -> Any:
        """Result of a stage: the stored one, or computed and stored now; always as it reads back from disk."""
        path = self.folder / f"{name}.json"
        stored = self._load(path)
        if stored is None:
            start = time.perf_counter()
            content = compute()
            seconds = time.perf_counter() - start
            write_atomically(path, json.dumps({"key": self.key, "seconds": seconds, "content": content}))
            stored = self._load(path)
            assert stored is not None
        self.seconds[name] = float(stored["seconds"])
        return stored["content"]

    def _load(self, path: Path) -> dict[str, Any] | None:
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return stored if isinstance(stored, dict) and stored.get("key") == self.key else None


def encode_fit(fitted: JointFit) -> dict[str, Any]:
    """Solution of a joint problem as JSON types; the problem itself comes from the manifest."""
    result = fitted.result
    return {
        "vector": result.parameters.vector.tolist(),
        "covariance": result.covariance.tolist(),
        "chi2": float(result.chi2),
        "residuals": result.residuals.tolist(),
        "jacobian": result.jacobian.tolist(),
        "blocks": [[block.name, block.size, block.kind, block.stands_for] for block in result.blocks],
        "status": result.status.name,
        "iterations": int(result.iterations),
        "evaluations": int(result.evaluations),
        "at_bound": list(result.at_bound),
        "undetermined": list(result.undetermined),
        "starts": [float(value) for value in result.starts],
        "citations": list(result.citations),
        "joint_noise": {k: float(v) for k, v in fitted.joint.noise_scales.items()},
        "noise_scales": {k: [float(v[0]), float(v[1])] for k, v in fitted.noise_scales.items()},
        "warnings": list(fitted.warnings),
    }


def decode_fit(content: dict[str, Any], joint: JointProblem) -> JointFit:
    """Joint fit from `encode_fit` and the problem it solved."""
    parameters = joint.parameters.with_vector(content["vector"])
    free = len(parameters.free_names)
    result = FitResult(
        parameters,
        np.array(content["covariance"], dtype=float).reshape(free, free),
        content["chi2"],
        np.array(content["residuals"], dtype=float),
        np.array(content["jacobian"], dtype=float).reshape(-1, free),
        tuple(Block(*item) for item in content["blocks"]),
        FitStatus[content["status"]],
        content["iterations"],
        content["evaluations"],
        tuple(content["at_bound"]),
        tuple(content["undetermined"]),
        tuple(content["starts"]),
        tuple(content["citations"]),
    )
    solved = replace(joint, parameters=parameters, noise_scales=content["joint_noise"])
    noise = {label: (pair[0], pair[1]) for label, pair in content["noise_scales"].items()}
    return JointFit(solved, result, noise, tuple(content["warnings"]))


def encode_finding(finding: Finding) -> dict[str, Any]:
    """Finding as JSON types."""
    numbers = {k: v if isinstance(v, str) else float(v) for k, v in finding.numbers.items()}
    return {"kind": finding.kind, "title": finding.title, "text": finding.text, "numbers": numbers}


def decode_finding(content: dict[str, Any]) -> Finding:
    """Finding from `encode_finding`."""
    return Finding(content["kind"], content["title"], content["text"], content["numbers"])


def encode_curve(curve: Curve) -> dict[str, Any]:
    """Curve as JSON types."""
    return {
        "temperature": curve.temperature.tolist(),
        "values": curve.values.tolist(),
        "sigma": curve.sigma.tolist(),
        "status": [int(s) for s in curve.status],
        "quantity": curve.quantity,
        "branch": curve.branch,
        "label": curve.label,
    }


def decode_curve(content: dict[str, Any]) -> Curve:
    """Curve from `encode_curve`."""
    return Curve(
        np.array(content["temperature"], dtype=float),
        np.array(content["values"], dtype=float),
        np.array(content["sigma"], dtype=float),
        np.array(content["status"], dtype=int),
        content["quantity"],
        content["branch"],
        content["label"],
    )
