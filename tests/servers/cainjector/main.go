// cert-manager's CA injector as a test process: its published packages, a main of our own. The module with
// its own main is not published.
package main

import (
	"flag"
	"os"

	admissionreg "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apiext "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	apireg "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	cmapi "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	"github.com/cert-manager/cert-manager/pkg/controller/cainjector"
)

func must(err error) {
	if err != nil {
		println(err.Error())
		os.Exit(1)
	}
}

func main() {
	flag.Parse()
	ctrl.SetLogger(zap.New())
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, cmapi.AddToScheme, apiext.AddToScheme, apireg.AddToScheme, admissionreg.AddToScheme} {
		must(add(scheme))
	}
	cfg := ctrl.GetConfigOrDie()
	cfg.UserAgent = "cainjector/test"
	// As in its own main: a Secret that is read from a cache may be older than the event about it.
	uncached := &client.CacheOptions{DisableFor: []client.Object{&corev1.Secret{}}}
	options := client.Options{FieldOwner: "cainjector", Cache: uncached}
	mgr, err := ctrl.NewManager(cfg, ctrl.Options{Scheme: scheme, Client: options, Metrics: metricsserver.Options{BindAddress: "0"}, HealthProbeBindAddress: "0"})
	must(err)
	ctx := ctrl.SetupSignalHandler()
	must(cainjector.RegisterAllInjectors(ctx, mgr, cainjector.SetupOptions{
		EnableCertificatesDataSource: true,
		EnabledReconcilersFor: map[string]bool{
			cainjector.ValidatingWebhookConfigurationName: true,
			cainjector.MutatingWebhookConfigurationName:   true,
		},
	}))
	must(mgr.Start(ctx))
}
