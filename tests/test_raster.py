"""Drawing: golden maps by hand, gradients against finite differences, bounds."""

from dataclasses import replace

import pytest
import torch

from limner import guides, raster


def points(*rows):
    return torch.tensor([rows], dtype=torch.float64)


def test_golden_horizontal_line():
    drawn = raster.draw(points((0.5, 2.5), (3.5, 2.5)), {"a": (0, 1)}, 5)
    golden = torch.zeros(5, 5, dtype=torch.float64)
    golden[2, 0:4] = 1
    assert torch.equal(drawn[0, 0], golden)


def test_golden_diagonal_is_connected():
    drawn = raster.draw(points((0.5, 0.5), (4.5, 4.5)), {"a": (0, 1)}, 5)
    assert torch.equal(drawn[0, 0], torch.eye(5, dtype=torch.float64))


@pytest.mark.parametrize("size", [5, 32])  # drawn the plain way, and near the segment alone
def test_golden_wide_line_holds_the_pixels_at_its_very_edge(size):
    drawn = raster.draw(points((0.5, 2.5), (3.5, 2.5)), {"a": (0, 1)}, size, width_px=2.0)[0, 0]
    golden = torch.zeros(size, size, dtype=torch.float64)
    golden[1:4, 0:4] = 1
    golden[2, 4] = 1  # one pixel beyond the end
    assert torch.equal(drawn, golden)


def test_golden_dot_and_non_square_map():
    drawn = raster.draw(points((1.5, 2.5), (3.5, 0.5)), {"a": (0, 1)}, (3, 5), style="dots")
    golden = torch.zeros(3, 5, dtype=torch.float64)
    golden[2, 1] = golden[0, 3] = 1
    assert torch.equal(drawn[0, 0], golden)


def test_soft_value_by_hand():
    # The centre of pixel (0, 1) lies 2 px above the line; half width 1: exp(-2^2 / 2).
    drawn = raster.draw(points((0.5, 2.5), (4.5, 2.5)), {"a": (0, 1)}, 5, edge="soft", width_px=2.0)
    assert drawn[0, 0, 0, 1].item() == pytest.approx(0.1353352832)
    assert drawn[0, 0, 2, 2].item() == 1


def test_lines_have_no_gap_at_any_slope():
    for end in range(32):
        drawn = raster.draw(points((0.5, 0.5), (31.5, end + 0.5)), {"a": (0, 1)}, 32)[0, 0]
        assert (drawn.sum(0) >= 1).all(), f"a column is empty at slope {end}/31"


def test_gradient_matches_finite_differences():
    torch.manual_seed(0)
    p = (torch.rand(2, 4, 2, dtype=torch.float64) * 5 + 0.3).requires_grad_()
    draw = lambda q: raster.draw(q, {"a": (0, 1, 2), "b": (2, 3)}, 6, edge="soft", width_px=2.0, merge=False)  # noqa: E731
    assert torch.autograd.gradcheck(draw, (p,), atol=1e-5)


def test_channels_merge_to_their_maximum():
    face = guides.load("face")
    p = torch.tensor(face.canonical)[None] * 20 + 32
    for edge in ("hard", "soft"):
        apart = raster.draw(p, face.lines, 64, edge=edge, merge=False)
        merged = raster.draw(p, face.lines, 64, edge=edge)
        assert apart.shape == (1, len(face.lines), 64, 64)
        torch.testing.assert_close(apart.amax(1, keepdim=True), merged)
        assert merged.min() >= 0
        assert merged.max() <= 1


def test_batch_does_not_matter():
    p = torch.rand(3, 68, 2) * 64
    lines = guides.load("face").lines
    together = raster.draw(p, lines, 64)
    alone = torch.cat([raster.draw(p[i : i + 1], lines, 64) for i in range(3)])
    assert torch.equal(together, alone)


def test_points_outside_the_map_draw_nothing():
    assert raster.draw(points((-50.0, -50.0), (-40.0, -60.0)), {"a": (0, 1)}, 8).sum() == 0


def test_wrong_shapes_are_named():
    with pytest.raises(ValueError, match=r"\(N, K, 2\)"):
        raster.draw(torch.zeros(68, 2), {"a": (0, 1)}, 8)
    with pytest.raises(ValueError, match="only 2 points"):
        raster.draw(torch.zeros(1, 2, 2), {"a": (0, 5)}, 8)
    with pytest.raises(ValueError, match="edge is 'hard' or 'soft'"):
        raster.draw(torch.zeros(1, 2, 2), {"a": (0, 1)}, 8, edge="sharp")  # pyright: ignore[reportArgumentType]


def test_a_face_drawn_for_the_papers_is_the_plain_drawing():
    """The real case: 68 points at 64 pixels, moved about, the fast way against the plain one."""
    face, generator = guides.load("face"), torch.Generator().manual_seed(1)
    points = torch.tensor(face.canonical) * 25 + 32 + torch.randn(8, 68, 2, generator=generator)
    for line in face.lines.values():
        plain = raster._nearest(points, raster._segments(line, "lines"), 64, 64, 1.0, "hard")
        assert torch.equal(raster.draw(points, {"line": line}, 64)[:, 0], plain)


def test_hard_maps_drawn_near_each_segment_are_the_bits_of_the_plain_way():
    generator = torch.Generator().manual_seed(0)
    lines = {"bent": (0, 1, 2, 3), "dot": (4,)}
    for width in (1.0, 3.0):
        points = 40 * torch.rand(1, 1, 2, generator=generator) + 8 * torch.rand(30, 5, 2, generator=generator) - 4  # some of it outside
        plain = raster._nearest(points, [(0, 1), (1, 2), (2, 3), (4, 4)], 40, 48, width, "hard")
        assert torch.equal(raster.draw(points, lines, (40, 48), width_px=width)[:, 0], plain)


def body_points(size: int = 64) -> torch.Tensor:
    body = guides.load("body")
    return torch.tensor(body.canonical)[None].double() * size / 5 + torch.tensor([size / 2, size * 0.4])


def test_coloured_limbs_have_their_colours():
    body = guides.load("body")
    points = body_points(256)
    maps = raster.draw_coloured(points, body, 256)
    assert maps.shape == (1, 3, 256, 256)
    assert maps.min() == 0
    assert maps.max() == 1
    for name in ("forearm_right", "forearm_left", "thigh_right", "shin_left"):
        x, y = points[0, list(body.lines[name])].mean(0)
        seen = maps[0, :, int(y), int(x)] * 255
        assert seen.round().tolist() == list(body.colours[name])
    column = int(points[0, [9, 10], 0].mean())
    row = maps[0, :, int(points[0, [9, 10], 1].mean())].sum(0) > 0
    assert 3 <= int(row[column - 8 : column + 8].sum()) <= 5  # 4 px at 256
    assert int((raster.draw_coloured(body_points(64), body, 64)[0, :, 40].sum(0) > 0).sum()) <= 4  # 1 px at 64: two legs


def test_a_missing_joint_takes_its_limbs_with_it():
    body, points = guides.load("body"), body_points()
    whole = raster.draw_coloured(points, body, 64)
    without = {name: line for name, line in body.lines.items() if 10 not in line}
    expected = raster.draw_coloured(points, replace(body, lines=without, colours={name: body.colours[name] for name in without}), 64)
    confidence = torch.ones(1, 18)
    confidence[0, 10] = 0
    lost = points.clone()
    lost[0, 10] = float("nan")
    assert not torch.equal(whole, expected)
    torch.testing.assert_close(raster.draw_coloured(points, body, 64, confidence_NK=confidence), expected)
    torch.testing.assert_close(raster.draw_coloured(lost, body, 64), expected)
    assert raster.draw_coloured(points, body, 64, confidence_NK=torch.zeros(1, 18)).sum() == 0


def test_soft_coloured_limbs_are_differentiable():
    body = guides.load("body")
    points = body_points(12).requires_grad_()
    assert torch.autograd.gradcheck(lambda p: raster.draw_coloured(p, body, 12, width_px=2.0, edge="soft"), points)


def test_a_guide_without_colours_is_refused():
    with pytest.raises(ValueError, match="'face' has no colours"):
        raster.draw_coloured(torch.zeros(1, 68, 2), guides.load("face"), 64)
