"""The HTML report of a study.

May import `sweep.results` and all below it.
A new section: fields of `model.Report` and `render.ReportPage`, a `<section>` in the template.
"""
