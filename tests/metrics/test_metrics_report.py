"""The report of a representation: parts, groups, what is left out, and the words for it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bvae_rl.data.factors import FactorSpec
from bvae_rl.metrics import (
    ARRAY_METRICS,
    MetricReport,
    Scores,
    conclusions,
    dci,
    measure,
    mig,
    r2,
    report,
    score,
    table,
)
from tests.report_cases import GROUPS, SPECS, world

pytest.importorskip("sklearn")


@pytest.fixture(scope="module")
def scores() -> Scores:
    codes, factors = world()
    return score(codes, factors, SPECS, groups=GROUPS, steps=150)


def test_the_parts_are_the_metrics_of_their_columns(scores) -> None:
    codes, factors = world()
    angles = factors * [1, 1, 2 * np.pi / 4, 1, 1]
    kinds = ["continuous", "continuous", "cyclic"]
    content = scores.content
    assert content.factors == ("x", "y", "heading") and content.latents == (0, 1, 2, 3, 4)
    assert content.mig.score == mig(codes[:, :5], angles[:, :3], kinds=kinds).score
    assert content.dci.completeness == dci(codes[:, :5], angles[:, :3], kinds=kinds).completeness
    line = r2(codes[:, :5], angles[:, :3], kinds=kinds, model="linear")
    np.testing.assert_array_equal(content.linear_r2.per_factor, line.per_factor)
    assert content.linear_r2.mean == pytest.approx(1)  # the period of the heading is used
    assert scores.leak.factors == ("colour", "shape")
    assert (np.abs(scores.leak.r2.per_factor) < 0.15).all()
    assert scores.style.latents == (5, 6, 7)
    read = dict(zip(scores.style.factors, scores.style.r2.per_factor, strict=True))
    assert read["colour"] > 0.9 and 0.2 < read["x"] < 0.8 and abs(read["y"]) < 0.1


def test_active_latents_are_the_mask_or_the_ones_that_move(scores) -> None:
    assert (scores.latents, scores.active_latents) == (8, 7)
    assert scores.active == (0, 1, 2, 3, 5, 6, 7)
    codes, factors = world(200)
    none = score(codes, factors, SPECS, active=np.zeros(8, bool), steps=1)
    assert none.active == () and none.all.mig.score == 0
    every = score(codes, factors, SPECS, active=np.ones(8, bool), steps=1)
    assert every.active_latents == 8
    with pytest.raises(ValueError, match="one boolean for each of the 8 latents"):
        score(codes, factors, SPECS, active=np.ones(8))


def test_without_groups_or_appearance_factors_those_parts_are_none() -> None:
    codes, factors = world(200)
    plain = score(codes, factors, SPECS, steps=1)
    assert plain.content is plain.leak is plain.style is None
    state = score(codes, factors[:, :3], SPECS[:3], groups=GROUPS, steps=1)
    assert state.leak is None and state.content is not None and state.style is not None
    assert "leak" not in state.to_rows_dict()


def test_factors_that_never_change_are_left_out_and_named() -> None:
    codes, factors = world(200)
    factors[:, 3] = 0.5
    factors[:, 4] = 1
    source = score(codes, factors, SPECS, groups=GROUPS, steps=1)
    assert source.constant_factors == ("colour", "shape")
    assert source.all.factors == ("x", "y", "heading") and source.leak is None
    assert "not scored, because constant in these samples: colour, shape" in conclusions(
        source, SPECS
    )
    factors[:] = 1
    with pytest.raises(ValueError, match="none of the 5 factors changes in the 200 samples"):
        score(codes, factors, SPECS)


def test_information_is_measured_once(monkeypatch) -> None:
    calls = []

    def counting(*args, **kwargs):
        calls.append(args)
        return measure(*args, **kwargs)

    monkeypatch.setattr(report, "measure", counting)
    codes, factors = world(100)
    score(codes, factors, SPECS, groups=GROUPS, steps=1)
    assert len(calls) == 1


def test_rows_and_json_hold_the_same_plain_numbers(scores) -> None:
    rows, tree = scores.to_rows_dict(), json.loads(json.dumps(scores.to_json(), allow_nan=False))
    assert rows["mig"] == tree["all"]["mig"]["score"] == scores.all.mig.score
    assert rows["content/r2/y"] == tree["content"]["r2"]["per_factor"][1]
    assert rows["leak"] == max(tree["leak"]["r2"]["per_factor"])
    assert rows["active_latents"] == len(tree["active"]) == 7
    assert np.shape(tree["all"]["dci"]["importance"]) == (8, 5)
    json.dumps(rows, allow_nan=False)


def test_the_table_has_one_column_each_and_dashes_for_what_is_missing(scores) -> None:
    codes, factors = world(200)
    reference = score(codes[:, ::-1], factors, SPECS, steps=1)
    text = table({"VAE": scores, "untrained": reference})
    lines = text.splitlines()
    assert lines[0].split() == ["VAE", "untrained"]
    assert lines[1].split() == ["samples", "600", "200"]
    assert lines[2].split() == ["latents", "(active)", "8", "(7)", "8", "(7)"]
    leak = lines[lines.index("leak: appearance factors from the content latents") + 1]
    assert leak.split() == ["MLP-probe", "R2", "mean", f"{scores.leak.r2.mean:.3f}", "-"]
    first = lines[lines.index("all latents") + 1]
    assert first.split()[3:] == [f"{scores.all.r2.mean:.3f}", f"{reference.all.r2.mean:.3f}"]
    assert {len(line) for line in lines if line.startswith("  ")} == {len(lines[0])}
    assert sum("DCI disentanglement" in line for line in lines) == 2  # all, content
    with pytest.raises(ValueError, match="at least one code"):
        table({})


def test_the_conclusions_say_what_is_where(scores) -> None:
    said = conclusions(scores, SPECS)
    text = "\n".join(said)
    assert any(
        s.startswith("latent 1 tracks y: 1.00 of its information; MLP-probe R2") for s in said
    )
    assert any(
        s.startswith("latents 2 and 3 carry heading as a circle: 1.00 of its information; ")
        for s in said
    )
    assert "latent 6 tracks shape: 1.00 of its information" in text
    assert "no appearance factor could be read well from the content latents" in text
    assert "7 of 8 latents are active" in said
    assert f"with 600 samples chance alone gives up to {scores.chance:.2f} nats" in text
    assert 0.2 < scores.chance < 0.4  # about 19 * 19 / 1200
    with pytest.raises(ValueError, match="but the specs describe x, y"):
        conclusions(scores, SPECS[:2])


def test_the_conclusions_name_leaks_mixtures_and_losses() -> None:
    random = np.random.default_rng(1)
    factors = random.uniform(size=(4000, 3))
    specs = (FactorSpec("x"), FactorSpec("y"), FactorSpec("colour", role="appearance"))
    codes = np.stack([factors[:, 0] + factors[:, 2], random.normal(size=4000)], axis=1)
    found = score(codes, factors, specs, groups={"content": (0, 2)}, steps=200)
    said = "\n".join(conclusions(found, specs))
    assert "no latent tracks y" in said
    assert "latent 0 mixes" in said and "state and appearance together" in said
    assert "the appearance leaks into the content latents (most: colour" in said


def test_noise_is_not_said_to_carry_an_angle_as_a_circle() -> None:
    random = np.random.default_rng(0)
    heading = random.uniform(high=4, size=(400, 1))
    found = score(random.normal(size=(400, 6)), heading, SPECS[2:3], steps=1)
    assert len(found.all.mig.carriers[0]) == 2 and found.all.mig.carried[0] < 0.1
    assert conclusions(found, SPECS[2:3])[0].startswith("no latent tracks heading (most in ")


def test_what_does_not_fit_together_is_refused() -> None:
    codes, factors = world(100)
    with pytest.raises(ValueError, match="5 columns, but there are 3 specs"):
        score(codes, factors, SPECS[:3])
    with pytest.raises(ValueError, match="names must differ"):
        score(codes, factors[:, :2], (SPECS[0], SPECS[0]))
    with pytest.raises(ValueError, match=r"content group \(0, 9\) is not a range within the 8"):
        score(codes, factors, SPECS, groups={"content": (0, 9)})
    with pytest.raises(ValueError, match="got 100 and 99 rows"):
        score(codes, factors[:99], SPECS)


def test_further_metrics_are_added_by_name() -> None:
    codes, factors = world(300)
    some = score(codes, factors, SPECS, metrics=("sap", "mig_sup"), steps=1)
    assert list(some.all.further) == ["mig_sup", "sap"]
    every = score(codes, factors, SPECS, metrics=("all",), groups=GROUPS, steps=1)
    rows = every.to_rows_dict()
    names = {"infom", "infoe", "infoc"} | set(ARRAY_METRICS) - {"infomec"}
    assert names <= set(rows) and {f"content/{name}" for name in names} <= set(rows)
    assert len(names) == 14 and "modularity" in table({"one": every})
    with pytest.raises(ValueError, match="unknown metric 'sapp'; known: mig_quantile"):
        score(codes, factors, SPECS, metrics=("sapp",))


def test_published_definitions_are_taken_throughout() -> None:
    codes, factors = world(200)
    codes, factors, specs = codes[:, :4], factors[:, :3], SPECS[:3]
    found = score(codes, factors, specs, reference=True, metrics=("mig_sup",), steps=1)
    angles = factors * [1, 1, 2 * np.pi / 4]
    kinds = ["continuous", "continuous", "cyclic"]
    assert found.all.mig.score == mig(codes, angles, kinds=kinds, reference=True).score
    assert (
        found.all.dci.disentanglement
        == dci(codes, angles, kinds=kinds, reference=True).disentanglement
    )


def test_on_policy_frames_are_tested_on_other_episodes() -> None:
    random = np.random.default_rng(0)
    episode = np.repeat(np.arange(40), 25)
    factors = random.uniform(size=40)[episode][:, None]  # constant within an episode
    codes = np.eye(40)[episode]  # which episode it is: says all inside, nothing of others
    specs = (FactorSpec("x"),)
    assert score(codes, factors, specs, steps=1).all.linear_r2.mean > 0.99
    assert score(codes, factors, specs, steps=1, episode=episode).all.linear_r2.mean < 0.1
    with pytest.raises(ValueError, match="of 4 episodes; at least 14"):
        score(codes[:100], factors[:100], specs, episode=episode[:100])
    with pytest.raises(ValueError, match="number each of the 1000 samples"):
        score(codes, factors, specs, episode=episode[:9])


def test_correlated_factors_are_named() -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=2000)
    factors = np.stack([x, 0.8 * x + 0.6 * random.normal(size=2000)], axis=1)
    found = score(factors, factors, SPECS[:2], steps=1)
    assert found.factor_correlation[0, 1] == pytest.approx(0.8, abs=0.03)
    said = conclusions(found, SPECS[:2])
    assert any("correlated in these samples" in s and "x and y (0.8" in s for s in said)


def test_a_report_adds_a_reference_and_an_upper_bound() -> None:
    codes, factors = world(1500)
    found = MetricReport(factors, SPECS, metrics=("sap",), steps=200)
    found.add("ours", codes, groups=GROUPS)
    found.add_bounds("ours")
    worst, best = found.scores["shuffled"], found.scores["true factors"]
    assert worst.all.mig.score < 0.03 and worst.all.dci.informativeness < 0.05
    assert best.all.mig.score > 0.98 and best.all.dci.disentanglement > 0.98
    assert best.all.r2.mean > 0.95 and best.latents == 6  # cosine and sine of the heading
    assert found.table().splitlines()[0].split() == ["ours", "shuffled", "true", "factors"]
    assert found.conclusions("ours") == conclusions(found.scores["ours"], SPECS)
    json.dumps(found.to_json(), allow_nan=False)
    other = world(400)
    found.add("on-policy", other[0], factors=other[1])
    assert found.scores["on-policy"].samples == 400
    with pytest.raises(ValueError, match="scores of 'ours' already"):
        found.add("ours", codes)
    with pytest.raises(ValueError, match="no codes were added as 'theirs'; the report has: ours"):
        found.add_bounds("theirs")
