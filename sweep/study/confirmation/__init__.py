"""Confirmation of the best trials: compared with new seeds, and the winner tested.

May import `sweep.study`.
`candidates` are chosen, trained (`runs`) and scored (`seed_scoring`, `over_seeds`); `comparison`
has their leads, `winner` fixes which of them is tested, `records` is what is stored, `outcome` what
the verdict needs of it, `result_in_words` its sentence. A trial keeps the sharpener that the
search chose; the baseline under each sharpener is a reference.
"""
