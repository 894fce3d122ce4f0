"""What training minimises: pure functions of tensors, each one number.

Shapes: N sequences, K modes, T time, D embedding, P points, C H W pixels.
Source of push and pull: Wang et al., "Every Smile is Unique" (CMM-Net, CVPR 2018) and its slides.
Source of triplet: Yan et al., "Skeleton-aided Articulated Motion Generation" (ACM MM 2017) and its slides.
Adversarial losses: Goodfellow et al. 2014 (gan), Mao et al. 2017 (lsgan), Lim & Ye 2017 (hinge).
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F

Pull = Literal["mean_bce", "per_mode_bce", "embed_l2", "none"]
Distance = Literal["l1", "l2"]
Adversarial = Literal["gan", "lsgan", "hinge"]


def bce(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Binary cross-entropy of maps, summed over C H W and averaged over every other dimension; >= 0.

    logits: (..., C, H, W), before the sigmoid. target: the same shape, in [0, 1].
    L = - sum_pixels y log x + (1 - y) log(1 - x), x = sigmoid(logits): the slide prints the log-likelihood; this is its negative.
    """
    pixels = F.binary_cross_entropy_with_logits(logits.float(), target.float(), reduction="none")
    return pixels.sum((-3, -2, -1)).mean()


def bce_of_mean(logits_NKTCHW: torch.Tensor, target_NTCHW: torch.Tensor) -> torch.Tensor:
    """`bce` between the target and the average over K of the decoded maps: the modes agree on average and are free one by one."""
    mean = torch.sigmoid(logits_NKTCHW.float()).mean(1).clamp(1e-6, 1 - 1e-6)
    pixels = -(target_NTCHW * mean.log() + (1 - target_NTCHW) * (1 - mean).log())
    return pixels.sum((-3, -2, -1)).mean()


def kl(mean_ND: torch.Tensor, log_variance_ND: torch.Tensor) -> torch.Tensor:
    """KL( N(mean, variance) || N(0, I) ), summed over D and averaged over the rest; >= 0. Kingma & Welling 2014, appendix B."""
    return 0.5 * (mean_ND.square() + log_variance_ND.exp() - log_variance_ND - 1).sum(-1).mean()


def critic_adversarial(real: torch.Tensor, fake: torch.Tensor, kind: Adversarial = "gan") -> torch.Tensor:
    """What the critic minimises, from its logits of real and of generated pictures (any shape; averaged over it).

    gan: the paper's - E log D(real) - E log(1 - D(fake)), D = sigmoid(logits); 2 log 2 where it knows nothing.
    lsgan: E (real - 1)^2 + E fake^2. hinge: E [1 - real]_+ + E [1 + fake]_+. ValueError otherwise.
    """
    real, fake = real.float(), fake.float()
    if kind == "gan":
        return F.softplus(-real).mean() + F.softplus(fake).mean()  # - log sigmoid(a) = softplus(-a)
    if kind == "lsgan":
        return (real - 1).square().mean() + fake.square().mean()
    if kind == "hinge":
        return F.relu(1 - real).mean() + F.relu(1 + fake).mean()
    raise ValueError(f"no adversarial loss {kind!r}; there are: gan, lsgan, hinge")


def generator_adversarial(fake: torch.Tensor, kind: Adversarial = "gan") -> torch.Tensor:
    """What the generator minimises, from the critic's logits of its pictures.

    gan: - E log D(fake), the non-saturating form (Goodfellow et al. 2014, section 3): the paper's + E log(1 - D(fake)) has the same fixed
    point but hardly a gradient while the critic is sure. lsgan: E (fake - 1)^2. hinge: - E fake. ValueError otherwise.
    """
    fake = fake.float()
    if kind == "gan":
        return F.softplus(-fake).mean()
    if kind == "lsgan":
        return (fake - 1).square().mean()
    if kind == "hinge":
        return -fake.mean()
    raise ValueError(f"no adversarial loss {kind!r}; there are: gan, lsgan, hinge")


def triplet(anchor: torch.Tensor, positive: torch.Tensor, negative: torch.Tensor, margin: float) -> torch.Tensor:
    """L_tri = [ |t_a - t_p|^2 - |t_a - t_n|^2 + margin ]_+, averaged over the N triplets (the paper sums); >= 0.

    anchor, positive, negative: (N, D) features; the positive is to be nearer to the anchor than the negative by the margin.
    Schroff et al. 2015 (FaceNet), eq. 3; Yan et al. 2017 take generated frames of one clip. ValueError where the shapes differ.
    """
    if not anchor.shape == positive.shape == negative.shape:
        raise ValueError(f"a triplet's features are of one shape, not {[tuple(t.shape) for t in (anchor, positive, negative)]}")
    near, far = ((anchor - other).float().square().flatten(1).sum(1) for other in (positive, negative))
    return F.relu(near - far + margin).mean()


def distance(a: torch.Tensor, b: torch.Tensor, kind: Distance = "l1", keep: int = 1) -> torch.Tensor:
    """Mean absolute (l1) or squared (l2) difference over all but the first `keep` dimensions."""
    difference = a - b
    size = difference.abs() if kind == "l1" else difference.square()
    return size.flatten(keep).mean(-1)


def push(logits: torch.Tensor) -> torch.Tensor:
    """L_push = - sum_k log phi_k(h_*k), averaged over the sequences: phi must tell the K modes apart.

    logits: (N, K, K) of phi for sequence n and mode k, or (N, K, T, K) where phi looks at every step by itself (averaged over T).
    Both phi and the mode LSTMs minimise it (as in InfoGAN; no adversarial sign). K log K where phi knows nothing.
    """
    num_modes = logits.shape[1]
    own = F.log_softmax(logits.float(), -1).movedim(1, 0)
    return -sum((own[k][..., k].mean() for k in range(num_modes)), start=logits.new_zeros(()))


def pull_maps(kind: str, logits_NKTCHW: torch.Tensor, target_NTCHW: torch.Tensor) -> torch.Tensor:
    """The pull loss on decoded maps. mean_bce: `bce_of_mean`. per_mode_bce: sum over k of `bce` with the target. ValueError otherwise."""
    if kind == "mean_bce":
        return bce_of_mean(logits_NKTCHW, target_NTCHW)
    if kind == "per_mode_bce":
        return logits_NKTCHW.shape[1] * bce(logits_NKTCHW, target_NTCHW[:, None].expand_as(logits_NKTCHW))
    raise ValueError(f"no pull loss {kind!r} on maps; there are: mean_bce, per_mode_bce")


def pull_points(kind: str, modes_NKTF: torch.Tensor, target_NTF: torch.Tensor, how: Distance = "l1") -> torch.Tensor:
    """The pull loss on decoded points (or features): mean_bce compares the modes' average, per_mode_bce each mode, by L1 or L2 for BCE."""
    if kind == "mean_bce":
        return distance(modes_NKTF.mean(1), target_NTF, how).mean()
    if kind == "per_mode_bce":
        return modes_NKTF.shape[1] * distance(modes_NKTF, target_NTF[:, None], how).mean()
    raise ValueError(f"no pull loss {kind!r} on points; there are: mean_bce, per_mode_bce")


def pull_embedding(modes_NKTD: torch.Tensor, common_NTD: torch.Tensor) -> torch.Tensor:
    """embed_l2: sum_k |h_tk - h_t|^2, summed over D and averaged over N and T: the common pattern is the Cond-LSTM's own sequence."""
    return (modes_NKTD - common_NTD[:, None]).square().sum((1, 3)).mean()


def choose(cost_NK: torch.Tensor, slack: float = 1.25) -> torch.Tensor:
    """(N, K) cost of each mode for each sequence -> (N,) the mode that each sequence teaches; total cost least, no mode starved.

    Multiple-choice learning (Guzman-Rivera et al. 2012): each sequence teaches the mode nearest to it. A mode takes at most
    ceil(slack * N / K) sequences, so that every mode is taught by at least some; slack = K lifts the limit.
    """
    from scipy.optimize import linear_sum_assignment

    num, num_modes = cost_NK.shape
    places = min(num, max(1, -int(-slack * num // num_modes)))
    cost = cost_NK.detach().float().cpu().repeat_interleave(places, dim=1).numpy()
    rows, columns = linear_sum_assignment(cost)
    chosen = torch.empty(num, dtype=torch.long)
    chosen[torch.from_numpy(rows)] = torch.from_numpy(columns) // places
    return chosen.to(cost_NK.device)


def sure(cost_NK: torch.Tensor, chosen_N: torch.Tensor, part: float) -> torch.Tensor:
    """(N,) bool: of the sequences that chose a mode, the `part` that is most its own (by how much nearer it is than the next mode).

    What lies between two modes teaches neither: the modes end up at what is typical of them, not at the borders' average.
    """
    keep_N = torch.zeros_like(chosen_N, dtype=torch.bool)
    if cost_NK.shape[1] == 1:
        return ~keep_N
    own = cost_NK.gather(1, chosen_N[:, None])[:, 0]
    others = cost_NK.scatter(1, chosen_N[:, None], float("inf")).amin(1)
    margin_N = (others - own).detach()
    for mode in chosen_N.unique():
        rows = (chosen_N == mode).nonzero()[:, 0]
        keep_N[rows[margin_N[rows].topk(max(1, round(part * len(rows)))).indices]] = True
    return keep_N


def multiple_choice(cost_NK: torch.Tensor, chosen_N: torch.Tensor, relax: float = 0.0, teach_N: torch.Tensor | None = None) -> torch.Tensor:
    """Mean over sequences of (1 - relax) * the cost of the chosen mode + relax * the mean cost of all modes.

    relax > 0 keeps a little gradient on every mode (Rupprecht et al. 2017, "relaxed" winner-takes-all). teach_N: which sequences count.
    """
    own = cost_NK.gather(1, chosen_N[:, None])[:, 0]
    each = (1 - relax) * own + relax * cost_NK.mean(1)
    return each.mean() if teach_N is None else each[teach_N].mean()


def contrastive(embeddings_PVD: torch.Tensor, temperature: float, margin: float = 0.0) -> torch.Tensor:
    """Supervised contrastive loss (Khosla et al. 2020, L_out) over P people with V views each, unit vectors of D numbers; >= 0.

    Each view must pick the other views of its person out of all other views by cosine similarity over the temperature; `margin` is taken
    off the similarities of one person first (as CosFace does, Wang et al. 2018), so that people keep apart by more than they need to.
    ValueError below two people or two views.
    """
    num_people, num_views = embeddings_PVD.shape[:2]
    if num_people < 2 or num_views < 2:
        raise ValueError(f"a contrast needs two people with two views each, got {num_people} with {num_views}")
    flat_ND = embeddings_PVD.flatten(0, 1).float()
    person_N = torch.arange(num_people, device=flat_ND.device).repeat_interleave(num_views)
    itself_NN = torch.eye(len(flat_ND), dtype=torch.bool, device=flat_ND.device)
    same_NN = (person_N[:, None] == person_N) & ~itself_NN
    logits_NN = ((flat_ND @ flat_ND.T - margin * same_NN) / temperature).masked_fill(itself_NN, -torch.inf)
    log_share_NN = logits_NN - logits_NN.logsumexp(1, keepdim=True)
    return -log_share_NN[same_NN].mean()
