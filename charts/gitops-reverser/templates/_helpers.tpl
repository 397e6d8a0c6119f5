{{- define "gitops-reverser.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end }}

{{- /* The name of the release, with the chart's in it. */ -}}
{{- define "gitops-reverser.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "gitops-reverser.name" . -}}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{- define "gitops-reverser.serviceAccountName" -}}
{{- default (ternary (include "gitops-reverser.fullname" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name -}}
{{- end }}

{{- define "gitops-reverser.selectorLabels" -}}
app.kubernetes.io/name: {{ include "gitops-reverser.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "gitops-reverser.labels" -}}
{{- with .Values.global.commonLabels }}{{ toYaml . }}
{{ end -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "gitops-reverser.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ default .Release.Service .Values.labels.managedBy }}
{{- end }}

{{- define "gitops-reverser.image" -}}
{{- with .Values.image -}}
{{- .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ default $.Chart.AppVersion .tag }}{{ end -}}
{{- end -}}
{{- end }}

{{- /* Whether the pods elect a leader, by the file that they read; empty: they do not. */ -}}
{{- define "gitops-reverser.elects" -}}
{{- if .Values.configToml -}}
{{- if hasKey (fromToml .Values.configToml) "leader" }}true{{ end -}}
{{- else if .Values.controllerManager.leaderElection }}true{{ end -}}
{{- end }}

{{- /* Mistakes that no schema can express. */ -}}
{{- define "gitops-reverser.check" -}}
{{- with .Values.configToml -}}
{{- if (fromToml .).Error -}}
{{- fail (printf "configToml is no TOML: %s" (fromToml .).Error) -}}
{{- end -}}
{{- end -}}
{{- if and (not .Values.controllerManager.leaderElection) .Values.config.leader -}}
{{- fail "config.leader is set, but controllerManager.leaderElection is false. Set it to true, or leave config.leader out" -}}
{{- end -}}
{{- if and (gt (int .Values.replicaCount) 1) (not .Values.configToml) (not .Values.controllerManager.leaderElection) -}}
{{- fail "replicaCount is above 1, but controllerManager.leaderElection is false: two daemons would write the same. Set replicaCount to 1, or leaderElection to true" -}}
{{- end -}}
{{- if and .Values.configToml (ne (toJson .Values.config) (toJson (dict "grace_seconds" 20 "resources" dict))) -}}
{{- fail "config and configToml are both set: configToml is the whole file. Move what config says into it, or leave configToml empty" -}}
{{- end -}}
{{- if and (gt (int .Values.replicaCount) 1) .Values.configToml (not (include "gitops-reverser.elects" .)) -}}
{{- fail "replicaCount is above 1, but configToml has no table [leader]: two daemons would write the same. Set replicaCount to 1, or add [leader]" -}}
{{- end -}}
{{- with .Values.configToml -}}
{{- with (fromToml .).leader -}}
{{- if ne (default "gitops-reverser" .name) (include "gitops-reverser.fullname" $) -}}
{{- fail (printf "leader.name in configToml must be %s: the Role of the chart names the objects of the leader" (include "gitops-reverser.fullname" $)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if or (hasKey (default dict .Values.config.leader) "name") (hasKey (default dict .Values.config.leader) "identity") -}}
{{- fail "config.leader.name and config.leader.identity are set by the chart: the Role names the objects of the leader, and each pod is known by its own name. Leave them out" -}}
{{- end -}}
{{- if and (gt (int .Values.replicaCount) 1) .Values.persistence.existingClaim -}}
{{- fail "persistence.existingClaim is for one replica: one process at a time may use the volume. Set replicaCount to 1, or leave existingClaim empty" -}}
{{- end -}}
{{- end }}

{{- /* The file that the daemon reads, from the chart's settings and `config` over them. */ -}}
{{- define "gitops-reverser.config" -}}
{{- if .Values.configToml -}}
{{- .Values.configToml -}}
{{- else -}}
{{- $name := include "gitops-reverser.fullname" . -}}
{{- $config := dict "data_dir" "/var/lib/reverser" "operations" (dict "bind" "0.0.0.0:8081") -}}
{{- $_ := set $config "log" (dict "level" .Values.logging.level "format" .Values.logging.encoder) -}}
{{- if .Values.controllerManager.leaderElection -}}
{{- $_ = set $config "leader" (dict "name" $name) -}}
{{- end -}}
{{- if .Values.webhook.enabled -}}
{{- $tls := dict "mode" "self-managed" "secret" (printf "%s/%s-webhook-tls" .Release.Namespace $name) "names" (list (printf "%s-webhook.%s.svc" $name .Release.Namespace)) -}}
{{- if .Values.certificates.certManager.enabled -}}
{{- $tls = dict "mode" "files" "certificate" "/etc/reverser-tls/tls.crt" "key" "/etc/reverser-tls/tls.key" -}}
{{- end -}}
{{- $_ = set $config "webhook" (dict "bind" (printf "0.0.0.0:%d" (int .Values.webhook.server.port)) "tls" $tls) -}}
{{- end -}}
{{- include "gitops-reverser.toml" (dict "table" (mergeOverwrite $config (deepCopy .Values.config)) "path" "") -}}
{{- end -}}
{{- end }}

{{- /*
A table of TOML: its values, then the tables below it. Helm's toToml writes every number as a float, and large ones with an
exponent, which a whole number of the configuration does not take.
*/ -}}
{{- define "gitops-reverser.toml" -}}
{{- $path := .path -}}
{{- $tables := dict -}}
{{- range $key, $value := .table -}}
{{- if and (kindIs "slice" $value) (gt (len $value) 0) (kindIs "map" (first $value)) -}}
{{- $_ := set $tables $key $value -}}
{{- else if kindIs "map" $value -}}
{{- $_ := set $tables $key $value -}}
{{- else if not (kindIs "invalid" $value) -}}
{{ include "gitops-reverser.tomlKey" $key }} = {{ include "gitops-reverser.tomlValue" $value }}
{{ end -}}
{{- end -}}
{{- range $key, $value := $tables -}}
{{- $below := printf "%s%s" (ternary "" (printf "%s." $path) (eq $path "")) (include "gitops-reverser.tomlKey" $key) -}}
{{- if kindIs "slice" $value -}}
{{- range $value }}
[[{{ $below }}]]
{{ include "gitops-reverser.toml" (dict "table" . "path" $below) -}}
{{- end -}}
{{- else }}
[{{ $below }}]
{{ include "gitops-reverser.toml" (dict "table" $value "path" $below) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "gitops-reverser.tomlKey" -}}
{{- if regexMatch "^[A-Za-z0-9_-]+$" . }}{{ . }}{{ else }}{{ toRawJson . }}{{ end -}}
{{- end }}

{{- define "gitops-reverser.tomlValue" -}}
{{- if kindIs "slice" . -}}
[{{- range $index, $each := . }}{{ if $index }}, {{ end }}{{ include "gitops-reverser.tomlValue" $each }}{{ end -}}]
{{- else if kindIs "map" . -}}
{{- $parts := list -}}
{{- range $key, $each := . -}}
{{- $parts = append $parts (printf "%s = %s" (include "gitops-reverser.tomlKey" $key) (include "gitops-reverser.tomlValue" $each)) -}}
{{- end -}}
{ {{- join ", " $parts -}} }
{{- else if kindIs "string" . -}}
{{- toRawJson . -}}
{{- else if kindIs "float64" . -}}
{{- if eq . (floor .) }}{{ printf "%.0f" . }}{{ else }}{{ toRawJson . }}{{ end -}}
{{- else -}}
{{- . -}}
{{- end -}}
{{- end }}

{{- define "gitops-reverser.gracePeriod" -}}
{{- if kindIs "invalid" .Values.terminationGracePeriodSeconds -}}
{{- $config := .Values.config -}}
{{- with .Values.configToml }}{{ $config = fromToml . }}{{ end -}}
{{- add (ceil (default 20 $config.grace_seconds)) 10 -}}
{{- else -}}
{{- int .Values.terminationGracePeriodSeconds -}}
{{- end -}}
{{- end }}

{{- /* Metadata of an object of the release: (list $ "suffix" "component"); the component may be "". */ -}}
{{- define "gitops-reverser.metadata" -}}
{{- $root := index . 0 -}}
metadata:
  name: {{ include "gitops-reverser.fullname" $root }}{{ index . 1 }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "gitops-reverser.labels" $root | nindent 4 }}
    {{- with index . 2 }}
    app.kubernetes.io/component: {{ . }}
    {{- end }}
{{- end }}

{{- /* A ClusterRole up to its labels: (list $ "suffix"). */ -}}
{{- define "gitops-reverser.clusterRole" -}}
{{- $root := index . 0 -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: {{ include "gitops-reverser.fullname" $root }}{{ index . 1 }}
  labels:
    {{- include "gitops-reverser.labels" $root | nindent 4 }}
{{- end }}

{{- /* Binds a ClusterRole to the daemon's service account: (list $ "suffix" "role"). */ -}}
{{- define "gitops-reverser.clusterBinding" -}}
{{- $root := index . 0 -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: {{ include "gitops-reverser.fullname" $root }}{{ index . 1 }}
  labels:
    {{- include "gitops-reverser.labels" $root | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: {{ index . 2 }}
subjects:
  - kind: ServiceAccount
    name: {{ include "gitops-reverser.serviceAccountName" $root }}
    namespace: {{ $root.Release.Namespace }}
{{- end }}
