"""A preference study (the paper's Table 2): pairs of videos of two methods, raters' answers, and what these say.

    stores of generated clips --build--> study folder --web.study serves it, raters answer--> answers.sqlite --report--> percentages

The folder holds `study.json` (plan), `clips/` (one video a pair, both pictures of it side by side, so that they can only play in step) and
`answers.sqlite`. Nothing a rater's browser gets names a method.
"""
