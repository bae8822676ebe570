DROP TABLE kubernetes_listener;
DROP TABLE kubernetes_authority;
