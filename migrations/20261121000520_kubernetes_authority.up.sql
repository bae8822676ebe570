-- The certificate authority of the Kubernetes listener, shared by all processes and kept for ever: kubeconfigs that were
-- handed out hold its certificate.

CREATE TABLE kubernetes_authority (
    -- There is one.
    id          boolean PRIMARY KEY DEFAULT true CHECK (id),
    -- Binds the sealed key to this authority.
    seal_id     uuid NOT NULL,
    -- PEM.
    certificate text NOT NULL,
    -- PKCS#8. Sealed (AES-256-GCM, nonce first) while the operator sets a secret key; else as it is, protected by
    -- what protects this database.
    private_key bytea NOT NULL,
    sealed      boolean NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now()
);

-- Where the listener that started last is reached: for the kubeconfigs that another process prints.
CREATE TABLE kubernetes_listener (
    id         boolean PRIMARY KEY DEFAULT true CHECK (id),
    server     text NOT NULL,
    -- What clients verify it by, PEM; null where the system's own authorities do.
    authority  text,
    started_at timestamptz NOT NULL
);
