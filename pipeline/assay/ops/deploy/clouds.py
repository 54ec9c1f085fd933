"""Platforms that start an image, or Spark, for each night."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from assay.errors import ParamsError
from assay.ops.deploy.quoting import shell
from assay.ops.deploy.target import ENTRY, Target
from assay.project import layout

RECIPE = "Containerfile"


class Kubernetes(Target):
    name = "kubernetes"
    needs = ("repository", "image")

    def texts(self) -> Mapping[str, str]:
        volume = str(PurePosixPath(self.plan.folder).parent)
        if volume == "/":
            raise ParamsError(
                [
                    f"{layout.PARAMS}: schedule.folder: expected a folder in a folder, because a "
                    f"volume is mounted above it, found {self.plan.folder}"
                ]
            )
        arguments = self.arguments(self.plan.folder)
        text = self.render("kubernetes/cronjob.yaml", arguments=arguments, volume=volume)
        return {"cronjob.yaml": text}

    def install(self) -> tuple[str, ...]:
        return (f"kubectl apply -f {self.shown}/cronjob.yaml",)


class CloudRunJob(Target):
    name = "cloud-run-job"
    needs = ("repository", "image", "identity")
    keeps_nothing = True

    def texts(self) -> Mapping[str, str]:
        arguments = self.arguments(f"/tmp/{self.plan.name}", *self.plan.reports)
        secrets = self.secrets()
        return {"job.yaml": self.render("cloud-run/job.yaml", arguments=arguments, secrets=secrets)}

    def install(self) -> tuple[str, ...]:
        address = f"run.googleapis.com/v2/projects/$PROJECT/locations/$REGION/jobs/{self.plan.name}"
        return (
            f'gcloud run jobs replace {self.shown}/job.yaml --region "$REGION"',
            _google_schedule(self, f"{address}:run"),
        )


class DataprocServerless(Target):
    name = "dataproc-serverless"
    needs = ("repository", "image", "identity", "runtime")
    keeps_nothing = True

    def texts(self) -> Mapping[str, str]:
        arguments = self.arguments(f"/tmp/{self.plan.name}", *self.plan.reports)
        facts = {"arguments": arguments, "conf": self.spark_conf(), "entry": self.entry}
        return {
            "batch.json": self.render("dataproc/batch.json", **facts),
            ENTRY: self.render(ENTRY, cloud="google", secrets=self.secrets()),
        }

    def install(self) -> tuple[str, ...]:
        address = "dataproc.googleapis.com/v1/projects/$PROJECT/locations/$REGION/batches"
        body = f" --message-body-from-file {self.shown}/batch.json"
        return (
            f"gcloud storage cp {self.shown}/{ENTRY} {shell(self.entry)}",
            _google_schedule(self, address) + body,
        )


def _google_schedule(target: Target, address: str) -> str:
    schedule = target.plan.schedule
    return (
        f"gcloud scheduler jobs create http {target.plan.name}-nightly "
        f'--location "$REGION" --schedule "{schedule.minute} {schedule.hour} * * *" '
        f'--time-zone Etc/UTC --http-method POST --uri "https://{address}" '
        f"--oauth-service-account-email {schedule.identity}"
    )


class EmrServerless(Target):
    """One stack of CloudFormation: application, schedule, and the role of each."""

    name = "emr-serverless"
    needs = ("repository", "image", "runtime")
    keeps_nothing = True
    variable = "<aws."

    def texts(self) -> Mapping[str, str]:
        arguments = self.arguments(f"/tmp/{self.plan.name}", *self.plan.reports)
        python = {
            f"spark.{where}.PYSPARK_PYTHON": "/opt/assay/bin/python"
            for where in ("emr-serverless.driverEnv", "executorEnv")
        }
        request = {
            "ApplicationId": "${Application}",
            # A start has a token, so that a lost answer cannot turn it into two.
            "ClientToken": "<aws.scheduler.execution-id>",
            "ExecutionRoleArn": "${Night.Arn}",
            "Name": f"{self.plan.name} nightly",
            "ExecutionTimeoutMinutes": self.plan.schedule.time_limit_minutes,
            "RetryPolicy": {"MaxAttempts": self.plan.schedule.retries + 1},
            "JobDriver": {
                "SparkSubmit": {
                    "EntryPoint": _literal(self.entry),
                    "EntryPointArguments": [_literal(each) for each in arguments],
                }
            },
            "ConfigurationOverrides": {
                "ApplicationConfiguration": [
                    {
                        "Classification": "spark-defaults",
                        "Properties": {
                            key: _literal(text)
                            for key, text in {**python, **self.spark_conf()}.items()
                        },
                    }
                ]
            },
        }
        buckets = {re.match(r"s3a?://([^/]+)", path) for _, path in self.places()}
        facts = {
            "request": json.dumps(request, ensure_ascii=False),
            "buckets": sorted({each[1] for each in buckets if each}),
        }
        return {
            "stack.yaml": self.render("emr/stack.yaml", **facts),
            ENTRY: self.render(ENTRY, cloud="aws", secrets=self.secrets()),
            RECIPE: _recipe(self, "/opt/assay/bin/python"),
        }

    def install(self) -> tuple[str, ...]:
        return (
            f"aws s3 cp {self.shown}/{ENTRY} {shell(self.entry)}",
            f"aws cloudformation deploy --stack-name {self.plan.name}-nightly --template-file "
            f"{self.shown}/stack.yaml --capabilities CAPABILITY_IAM",
        )


def _recipe(target: Target, python: str, **facts: str) -> str:
    """A Containerfile of the image, on the platform's own base."""
    scheme = target.plan.store.partition("://")[0]
    extra = {"gs": "gs", "abfss": "azure"}.get(scheme, "s3")
    file = f"{target.folder}/{RECIPE}"
    where = {"target": target.name, "file": file, "python": python, "extra": extra}
    return target.render(RECIPE, **where, **facts)


def _literal(text: str) -> str:
    """As it is after ``Fn::Sub``, which takes ``${`` for the start of a variable."""
    return text.replace("${", "${!")


class Databricks(Target):
    name = "databricks"
    needs = ("repository", "image")
    keeps_nothing = True
    variable = "${"

    def texts(self) -> Mapping[str, str]:
        schedule = self.plan.schedule
        return {
            "databricks.yml": self.render(
                "databricks/databricks.yml",
                arguments=self.arguments(f"/local_disk0/{self.plan.name}", *self.plan.reports),
                quartz=f"0 {schedule.minute} {schedule.hour} * * ?",
                conf=self.spark_conf(),
                secrets={
                    variable: f"{{{{secrets/{self.params.name}/{secret}}}}}"
                    for variable, secret in self.secrets().items()
                },
            ),
            ENTRY: self.render(ENTRY, cloud=None),
            # 17.3.x-scala2.13 is the runtime of an image that is tagged 17.3-LTS.
            RECIPE: _recipe(
                self,
                "/databricks/python3/bin/python",
                base=f"{schedule.databricks.runtime.partition('.x')[0]}-LTS",
            ),
        }

    def install(self) -> tuple[str, ...]:
        return (f"cd {self.shown} && databricks bundle deploy",)


class AzureMl(Target):
    """A schedule, and the pipeline of one step that it starts on serverless compute."""

    name = "azure-ml"
    needs = ("repository", "image", "vault")
    keeps_nothing = True
    variable = "${{"

    def texts(self) -> Mapping[str, str]:
        arguments = self.arguments(f"/tmp/{self.plan.name}", *self.plan.reports)
        self._refuse(
            f"{layout.PARAMS}: expected no '{self.variable}', which --target {self.name} takes for "
            f"the start of a variable, found '{each}'"
            for each in arguments
            if self.variable in each
        )
        # A vault's names have no underscore.
        secrets = {key: name.replace("_", "-") for key, name in self.secrets().items()}
        return {
            "schedule.yml": self.render("azure/schedule.yml"),
            "job.yml": self.render("azure/job.yml", command=["python", ENTRY, *arguments]),
            ENTRY: self.render(ENTRY, cloud="azure", secrets=secrets),
        }

    def install(self) -> tuple[str, ...]:
        where = '--resource-group "$GROUP" --workspace-name "$WORKSPACE"'
        return (f"az ml schedule create {where} --file {self.shown}/schedule.yml",)


TARGETS = (Kubernetes, CloudRunJob, DataprocServerless, EmrServerless, AzureMl, Databricks)
