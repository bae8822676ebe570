-- What a minute of a runner costs, by label.

-- Prices are never changed, only followed by another one: what a job cost stays what it cost.
CREATE TABLE runner_label_prices (
    -- In lower case, as labels compare without regard to case. Empty: for runners without a priced label.
    label      text NOT NULL CHECK (label = lower(label)),
    -- In the installation's currency; NULL: from then on the label has no price.
    price      numeric CHECK (price >= 0),
    valid_from timestamptz NOT NULL,
    created_by uuid REFERENCES users ON DELETE SET NULL,
    PRIMARY KEY (label, valid_from)
);

-- Jobs that run now: the report shows them apart.
CREATE INDEX workflow_jobs_running_idx ON workflow_jobs (started_at)
    WHERE status = 'in_progress' AND completed_at IS NULL AND started_at IS NOT NULL;
