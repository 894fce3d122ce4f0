"""Preference studies: the pairs, the answers, the report, and what each refuses."""

from __future__ import annotations

import csv
import io
import threading
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from limner.evaluation.study import answers as kept
from limner.evaluation.study import build as builds
from limner.evaluation.study.answers import Answers, Vote, said_of
from limner.evaluation.study.build import StudySettings, build
from limner.evaluation.study.plan import FIRST, NEITHER, SECOND, Pair, read_plan, video_of
from limner.evaluation.study.report import markdown, report, table_csv, votes_csv, write_report
from limner.evaluation.study.statistics import wilson
from limner.evaluation.study.table2 import rows_of, table2
from limner.media.video import read_video
from limner.types import InputError
from study_stores import COLOURS, coloured, small_study

# Pairs


def test_pairs_are_two_methods_on_one_input(tmp_path: Path):
    plan = small_study(tmp_path, ("red", "green", "blue"), checks=3)
    assert Counter(frozenset((p.first, p.second)) for p in plan.compared) == {
        frozenset(two): 4 for two in (("red", "green"), ("red", "blue"), ("green", "blue"))
    }
    for pair in plan.compared:
        assert pair.first_clip.rpartition("/")[0] == pair.second_clip.rpartition("/")[0] == pair.source
        assert pair.source.endswith(pair.label)
    assert len({(p.source, p.first, p.second) for p in plan.compared}) == 12
    assert {p.first for p in plan.compared} == {"red", "green", "blue"}  # sides are drawn, not by method
    assert [p.intact in (FIRST, SECOND) for p in plan.checks] == [True] * 3
    assert read_plan(tmp_path / "study") == plan


def test_a_pair_is_one_video_with_both_at_their_true_time(tmp_path: Path):
    plan = small_study(tmp_path, checks=0)
    for pair in plan.pairs[:3]:
        info, frames = read_video(video_of(tmp_path / "study", pair.id))
        pictures = np.stack(list(frames)).astype(int)
        assert pictures.shape[1:] == (256, 512, 3)
        assert len(pictures) == round((0.5 + 2 * builds.HOLD_S) * builds.FPS)
        for half, name in ((pictures[:, :, :250], pair.first), (pictures[:, :, 262:], pair.second)):
            rest, apex = half[: int(builds.HOLD_S * builds.FPS)], half[-int(builds.HOLD_S * builds.FPS) :]
            np.testing.assert_allclose(apex.mean((0, 1, 2)), COLOURS[name], atol=4)
            np.testing.assert_allclose(rest.mean((0, 1, 2)), 0.6 * np.array(COLOURS[name]), atol=4)
        assert set(info.tags["comment"].lower().split()) & {"synthetic:"}


def test_names_tell_nothing_and_a_seed_repeats(tmp_path: Path):
    plan = small_study(tmp_path / "a", checks=2)
    again = small_study(tmp_path / "b", checks=2)
    assert plan == again
    assert small_study(tmp_path / "c", checks=2, seed=1) != plan
    for file in (tmp_path / "a" / "study" / "clips").iterdir():
        assert not any(colour in file.name or colour.encode() in file.read_bytes() for colour in COLOURS)


def test_a_mode_is_drawn_and_originals_take_part(tmp_path: Path):
    red, blue = coloured(tmp_path / "red", "red", modes=3), coloured(tmp_path / "blue", "blue")
    plan = builds.plan_of({"red": red, "blue": blue}, StudySettings(checks=0))
    of_red = {(pair.first_clip if pair.first == "red" else pair.second_clip).rpartition("/")[2] for pair in plan.pairs}
    assert of_red == {"mode_1", "mode_2", "mode_3"}
    from dataclasses import replace

    from limner.data.store import Store, StoreWriter

    with StoreWriter(tmp_path / "real") as writer:
        for clip in blue:
            writer.add(replace(clip, id=clip.id.rpartition("/")[0]))
    plan = builds.plan_of({"red": red, "real": Store(tmp_path / "real")}, StudySettings(checks=0))
    assert len(plan.pairs) == 4
    assert all("real" in (pair.first, pair.second) for pair in plan.pairs)


def test_a_limit_is_for_each_label_and_the_same_inputs(tmp_path: Path):
    stores = {colour: coloured(tmp_path / colour, colour) for colour in COLOURS}
    plan = builds.plan_of(stores, StudySettings(limit=1, checks=0))
    inputs = {frozenset((a, b)): {p.source for p in plan.pairs if {p.first, p.second} == {a, b}} for a in COLOURS for b in COLOURS if a < b}
    assert len(set(map(frozenset, inputs.values()))) == 1
    assert Counter(source.rpartition("_")[2] for source in next(iter(inputs.values()))) == {"posed": 1, "spontaneous": 1}


def test_a_broken_clip_shows_no_face_and_no_order(astronaut: np.ndarray, tmp_path: Path):
    clip = coloured(tmp_path / "red", "red")[0]
    worse = builds.broken(clip, np.random.default_rng(0))
    assert worse.frames is not None
    assert clip.frames is not None
    assert worse.frames.shape == clip.frames.shape
    assert (np.diff(worse.frames.astype(int).mean((1, 2, 3))) < 0).any()  # the true one only brightens


def test_what_cannot_be_compared_is_refused(tmp_path: Path):
    red = coloured(tmp_path / "red", "red")
    cases = {
        "two methods or more": {"red": red},
        "no input in common": {"red": red, "blue": coloured(tmp_path / "others", "blue", people=("eve", "flo"))},
        "differ in size": {"red": red, "blue": coloured(tmp_path / "large", "blue", size=32)},
        "has no pixels": {"red": red, "blue": coloured(tmp_path / "points", "blue", pixels=False)},
    }
    for words, stores in cases.items():
        with pytest.raises(InputError, match=words):
            build(stores, tmp_path / "study", StudySettings())
    assert not (tmp_path / "study").exists()


def test_another_study_in_the_way_stays(tmp_path: Path):
    plan = small_study(tmp_path)
    answers = Answers(tmp_path / "study", plan)
    token = answers.join()
    answers.answer(token, answers.tasks(token)[0].id, "left")
    answers.close()
    stores = {colour: builds_store for colour in ("red", "blue") if (builds_store := coloured(tmp_path / f"{colour}_2", colour, modes=2))}
    with pytest.raises(InputError, match="holds another study; --force replaces it, with its answers"):
        build(stores, tmp_path / "study", StudySettings())
    assert len(Answers(tmp_path / "study", plan).votes()) == 1
    other = build(stores, tmp_path / "study", StudySettings(), force=True)
    assert Answers(tmp_path / "study", other).votes() == []
    with pytest.raises(InputError, match="holds no study"):
        read_plan(tmp_path)
    (tmp_path / "study" / "study.json").write_text('{"limner.study": 1, "pairs": 3}')
    with pytest.raises(InputError, match="is damaged"):
        read_plan(tmp_path / "study")


# Answers


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, object]:
    folder = tmp_path_factory.mktemp("study")
    return folder / "study", small_study(folder, ("red", "green", "blue"), per_rater=6, checks=2)


@pytest.fixture
def answers(study, tmp_path: Path) -> Answers:
    return Answers(tmp_path, study[1])


def test_a_rater_sees_drawn_pairs_half_mirrored_and_all_checks(answers: Answers):
    tasks = answers.tasks(answers.join())
    assert len({task.pair for task in tasks}) == len(tasks) == 8
    assert sum(task.mirrored for task in tasks) == 4
    checks = {pair.id for pair in answers.plan.checks}
    places = [place for place, task in enumerate(tasks) if task.pair in checks]
    assert len(places) == 2
    assert places[0] <= 4 <= places[1]  # spread over the session


def test_raters_at_once_get_different_pairs_until_all_are_asked(answers: Answers):
    checks = {pair.id for pair in answers.plan.checks}
    asked = Counter(task.pair for _ in range(12) for task in answers.tasks(answers.join()) if task.pair not in checks)
    assert set(asked.values()) == {6}  # 12 raters x 6 pairs over 12 pairs


def test_simulated_raters_do_not_decide_what_people_are_asked(answers: Answers):
    answers.join(simulated=True)
    first = {task.pair for task in answers.tasks(answers.join())}
    second = {task.pair for task in answers.tasks(answers.join())}
    checks = {pair.id for pair in answers.plan.checks}
    assert (first & second) == checks


def test_an_answer_is_kept_once_and_can_be_changed(answers: Answers):
    token = answers.join()
    first, second = answers.tasks(token)[:2]
    for _ in range(2):  # a double click
        answers.answer(token, first.id, "left")
    answers.answer(token, second.id, "none")
    assert len(answers.votes()) == 2
    answers.answer(token, first.id, "right")
    assert [task.choice for task in answers.tasks(token)][:3] == ["right", "none", None]
    votes = answers.votes()
    assert [vote.choice for vote in votes] == ["right", "none"]
    assert votes[0].said == (FIRST if first.mirrored else SECOND)
    assert votes[1].said == NEITHER


def test_sides_and_halves():
    assert [said_of(choice, mirrored) for choice in ("left", "right", "none") for mirrored in (False, True)] == [
        FIRST, SECOND, SECOND, FIRST, NEITHER, NEITHER,
    ]  # fmt: skip


def test_strangers_and_garbage_change_nothing(answers: Answers):
    one, other = answers.join(), answers.join()
    task = answers.tasks(one)[0].id
    with pytest.raises(kept.NotYours):
        answers.answer(other, task, "left")
    with pytest.raises(kept.NotYours):
        answers.answer(other, "'; DROP TABLE answers; --", "left")
    with pytest.raises(kept.UnknownRater):
        answers.answer("\ud800 nobody", task, "left")
    with pytest.raises(InputError, match="one of left, right, none"):
        answers.answer(one, task, "both")
    assert answers.votes() == []


def test_a_session_ends_after_a_week_and_its_answers_stay(study, tmp_path: Path):
    clock = [1000.0]
    answers = Answers(tmp_path, study[1], now=lambda: clock[0])
    token = answers.join()
    task = answers.tasks(token)[0].id
    answers.answer(token, task, "left")
    clock[0] += kept.SESSION_S + 1
    for call in (lambda: answers.tasks(token), lambda: answers.answer(token, task, "right")):
        with pytest.raises(kept.Expired):
            call()
    assert [vote.choice for vote in answers.votes()] == ["left"]


def test_a_study_takes_only_so_many_raters(answers: Answers, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(kept, "MAX_RATERS", 1)
    answers.join()
    with pytest.raises(kept.Full):
        answers.join()


def test_tokens_are_not_in_the_file(answers: Answers):
    token = answers.join()
    answers.close()
    assert not any(token.encode() in path.read_bytes() for path in answers.path.parent.iterdir())


def test_threads_lose_and_double_nothing(answers: Answers):
    failures: list[BaseException] = []

    def session():
        try:
            token = answers.join()
            for task in answers.tasks(token):
                answers.answer(token, task.id, "left")
                answers.answer(token, task.id, "left")
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=session) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(answers.votes()) == 10 * 8


def test_answers_of_another_study_or_no_database_are_refused(study, answers: Answers, tmp_path: Path):
    from dataclasses import replace

    answers.close()
    with pytest.raises(InputError, match="answers of another study"):
        Answers(tmp_path, replace(answers.plan, id="another"))
    (tmp_path / "no").mkdir()
    (tmp_path / "no" / "answers.sqlite").write_bytes(b"garbage " * 1000)
    with pytest.raises(InputError, match="cannot be read"):
        Answers(tmp_path / "no", answers.plan)


# The report


def votes_of(plan, raters: int, prefer: str, *, simulated=False, fails=(), start=1) -> list[Vote]:
    """Every rater prefers a method wherever it takes part, sees no difference elsewhere, and passes the checks but for `fails`."""
    votes = []
    for rater in range(start, start + raters):
        for pair in plan.pairs:
            if pair.is_check:
                said = NEITHER if rater in fails else pair.intact
            else:
                said = FIRST if pair.first == prefer else SECOND if pair.second == prefer else NEITHER
            choice = "none" if said == NEITHER else "left" if rater % 2 else "right"
            votes.append(Vote(rater=rater, pair=pair, said=said, choice=choice, simulated=simulated, at=0.0))
    return votes


def test_report_counts_by_method_and_label(study):
    plan = study[1]
    told = report(plan, votes_of(plan, 6, "green", fails={2}))
    assert told["raters"] == {"counted": 5, "left_out": 1, "simulated_ignored": 0}
    assert told["answers"] == 5 * 12
    rows = {(row["one"], row["other"], row["label"]): row for row in told["comparisons"]}
    assert set(rows) == {
        (*two, label) for two in (("red", "green"), ("red", "blue"), ("green", "blue")) for label in ("posed", "spontaneous", "all")
    }
    posed = rows["red", "green", "posed"]
    assert {name: share["votes"] for name, share in posed["shares"].items()} == {"red": 0, "green": 10, "~": 0}
    assert posed["shares"]["green"]["low"] == pytest.approx(100 * wilson(10, 10)[0])
    assert posed["sign_p"] == pytest.approx(2 * 0.5**10)
    assert posed["raters"] == {"for_one": 0, "for_other": 5, "sign_p": pytest.approx(2 * 0.5**5)}
    assert rows["red", "blue", "all"]["shares"]["~"]["percent"] == 100
    assert told["strengths"]["green"]["strength"] > 0.9
    assert told["strengths"]["red"]["strength"] == pytest.approx(told["strengths"]["blue"]["strength"])
    assert told["agreement"] == {"krippendorff_alpha": 1.0, "pairs": 12}
    assert report(plan, votes_of(plan, 6, "green", fails={2}), keep_all=True)["raters"]["counted"] == 6


def test_simulated_raters_never_stand_beside_real_ones(study):
    plan = study[1]
    mixed = votes_of(plan, 2, "green") + votes_of(plan, 9, "red", simulated=True, start=3)
    told = report(plan, mixed)
    assert (told["simulated"], told["raters"]) == (False, {"counted": 2, "left_out": 0, "simulated_ignored": 9})
    assert told["strengths"]["green"]["low"] is None  # two raters give no interval
    assert "SIMULATED" not in markdown(told)
    alone = report(plan, votes_of(plan, 9, "red", simulated=True))
    assert markdown(alone).startswith("# Preference study: SIMULATED RATERS")


def test_nothing_to_report_is_said(study):
    plan = study[1]
    with pytest.raises(InputError, match="nobody has answered"):
        report(plan, [])
    with pytest.raises(InputError, match="all 2 raters missed an attention check"):
        report(plan, votes_of(plan, 2, "red", fails={1, 2}))


def test_report_files_agree(study, tmp_path: Path):
    plan = study[1]
    votes = votes_of(plan, 3, "blue")
    told = report(plan, votes)
    assert write_report(tmp_path / "out", told, votes).read_text() == markdown(told)
    table = list(csv.DictReader(io.StringIO(table_csv(told))))
    for row in table:
        assert float(row["percent"]) == pytest.approx(100 * int(row["votes"]) / int(row["of"]))
    rows = list(csv.DictReader(io.StringIO(votes_csv(votes))))
    assert len(rows) == 3 * 14
    assert Counter(row["preferred"] for row in rows if row["is_check"] == "0") == {"blue": 24, "~": 12}
    assert (tmp_path / "out" / "report.json").exists()


def test_table2_waits_for_raters_then_stands_beside_the_paper(tmp_path: Path):
    stores = {name: coloured(tmp_path / name, colour) for name, colour in (("Video-GAN", "red"), ("CRA-Net", "green"), ("CMM-Net", "blue"))}
    told, text = table2(stores, tmp_path / "study")
    assert told is None
    assert "12 pairs wait for raters: limner study serve" in text
    plan = read_plan(tmp_path / "study")
    answers = Answers(tmp_path / "study", plan)
    for simulated in (True, False):
        token = answers.join(simulated=simulated)
        for task in answers.tasks(token):
            pair = next(pair for pair in plan.pairs if pair.id == task.pair)
            best = pair.intact == FIRST if pair.is_check else pair.first == "CMM-Net"
            answers.answer(token, task.id, "left" if best != task.mirrored else "right")
        told, text = table2(stores, tmp_path / "study")
        assert told is not None
        assert ("85.14" in text) is (not simulated)
        assert ("SIMULATED" in text) is simulated
    answers.close()
    assert "| % of preferences | spontaneous, ours | spontaneous, paper | posed, ours | posed, paper |" in text
    line = next(line for line in text.splitlines() if line.startswith("| CMM-Net"))
    assert line.split("|")[3].strip() == "85.14"
    assert "100.00" in line
    with pytest.raises(InputError, match="no answers compare CMM-Net"):
        rows_of({**told, "comparisons": []})


def test_a_pair_knows_whether_it_is_a_check():
    plain = {"id": "a", "source": "s", "label": "posed", "first": "x", "second": "y", "first_clip": "c", "second_clip": "d"}
    assert not Pair(**plain).is_check
    assert Pair(**plain, intact=FIRST).is_check
